import * as v from "valibot";
import { PiriError } from "../../../base/errors.ts";
import type { HostReader, StepProgram } from "../../host/host.ts";
import { ask, NEUTRAL, newestTime, transactionProgram } from "./ask_manager.ts";
import type { PackageManager, Transaction } from "./package_manager.ts";
import type { PackageMove } from "./package_table.ts";
import { type InstalledPackage, PackageTable } from "./package_table.ts";

const ENVIRONMENT = {
  ...NEUTRAL,
  HOMEBREW_NO_AUTO_UPDATE: "1",
  HOMEBREW_NO_ANALYTICS: "1",
  HOMEBREW_NO_ENV_HINTS: "1",
  NONINTERACTIVE: "1",
} as const;

const HEADS = [
  "/opt/homebrew/.git/FETCH_HEAD",
  "/usr/local/Homebrew/.git/FETCH_HEAD",
  "/home/linuxbrew/.linuxbrew/Homebrew/.git/FETCH_HEAD",
];

const Info = v.object({
  formulae: v.array(v.object({
    name: v.string(),
    versions: v.object({ stable: v.nullable(v.string()) }),
    revision: v.optional(v.number(), 0),
  })),
});

const Outdated = v.object({
  formulae: v.array(v.object({
    name: v.string(),
    installed_versions: v.array(v.string()),
    current_version: v.string(),
    pinned: v.optional(v.boolean(), false),
  })),
});

/** Packages of Homebrew. It has one version of each, and does not run as root. */
export const brew: PackageManager = {
  name: "brew",
  names: /^[a-z0-9][a-z0-9@._+/-]*$/,
  locks: [],
  installed: (reader) =>
    reader.shared({ name: "packages of brew", paths: [] }, async () => {
      const { stdout } = await asked(["list", "--versions"], reader);
      const { stdout: pinned } = await asked(["list", "--pinned"], reader);
      return new PackageTable(
        readVersions(stdout, new Set(pinned.split("\n"))),
      );
    }),
  async simulate(transaction, reader) {
    const table = await brew.installed(reader);
    switch (transaction.kind) {
      case "remove":
        return transaction.names.flatMap((name) => {
          const from = table.of(name)?.version;
          return from === undefined ? [] : [{ name, from }];
        });
      case "upgrade": {
        const { stdout } = await asked(["outdated", "--json=v2"], reader);
        return read(Outdated, stdout).formulae
          .filter(({ name, pinned }) =>
            !pinned && !transaction.except.includes(name)
          )
          .map((
            { name, installed_versions: [from = ""], current_version },
          ) => ({
            name,
            from,
            to: current_version,
          }));
      }
      case "install":
        return await installMoves(transaction, table, reader);
    }
  },
  programs: (transaction) => [program(wordsOf(transaction), transaction.env)],
  hold: (names, held) => [program([held ? "pin" : "unpin", ...names])],
  listsRead: (reader) => newestTime(HEADS, reader),
  refresh: { argv: ["brew", "update"], cwd: "/", env: ENVIRONMENT },
};

function asked(argv: readonly string[], reader: HostReader) {
  return ask(["brew", ...argv], reader, { env: ENVIRONMENT });
}

function program(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): StepProgram {
  return transactionProgram(["brew", ...argv], ENVIRONMENT, env);
}

function wordsOf(transaction: Transaction): string[] {
  const { options = [] } = transaction;
  switch (transaction.kind) {
    case "install":
      return [
        "install",
        ...options,
        ...transaction.packages.map(({ name }) => name),
      ];
    case "remove":
      return ["uninstall", ...options, ...transaction.names];
    case "upgrade":
      return [
        "upgrade",
        ...options,
        ...transaction.packages?.map(({ name }) => name) ?? [],
      ];
  }
}

async function installMoves(
  { packages }: Extract<Transaction, { kind: "install" }>,
  table: PackageTable,
  reader: HostReader,
): Promise<PackageMove[]> {
  const names = packages.map(({ name }) => name);
  const { stdout } = await asked(["deps", "--union", ...names], reader);
  const needed = stdout.split("\n")
    .filter((name) => name !== "" && table.of(name) === undefined);
  const { stdout: json } = await asked(
    ["info", "--json=v2", "--formula", ...needed, ...names],
    reader,
  );
  return read(Info, json).formulae.flatMap(({ name, versions, revision }) => {
    const from = table.of(name)?.version;
    const to = `${versions.stable ?? ""}${revision > 0 ? `_${revision}` : ""}`;
    const wanted = packages.find((each) => each.name === name)?.version;
    if (wanted !== undefined && wanted !== to) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot install "${name}" ${wanted}: brew has ${to} only`,
      );
    }
    return from === to
      ? []
      : [{ name, ...from === undefined ? {} : { from }, to }];
  });
}

function read<Schema extends v.GenericSchema>(
  schema: Schema,
  json: string,
): v.InferOutput<Schema> {
  try {
    return v.parse(schema, JSON.parse(json));
  } catch (error) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot go on: brew prints something else than the JSON that is known of it",
      { cause: error },
    );
  }
}

/** Packages with their versions, the last of which is in use. */
export function readVersions(
  text: string,
  pinned: ReadonlySet<string>,
): InstalledPackage[] {
  return text.split("\n").flatMap((line) => {
    const [name, ...versions] = line.trim().split(" ");
    const version = versions.at(-1);
    return name === undefined || version === undefined
      ? []
      : [{ name, version, held: pinned.has(name), state: "installed" }];
  });
}
