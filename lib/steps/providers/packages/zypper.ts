import { bytesOf } from "../../file_content.ts";
import type { HostReader, StepProgram } from "../../host/host.ts";
import { ask, NEUTRAL, newestTime, transactionProgram } from "./ask_manager.ts";
import type {
  PackageManager,
  Transaction,
  WantedPackage,
} from "./package_manager.ts";
import type { PackageMove } from "./package_table.ts";
import { installedByRpm, RPM_NAMES, rpmForms, rpmRepositories } from "./rpm.ts";

const LOCKS = "/etc/zypp/locks";
const LISTS = "/var/cache/zypp/raw";
const MAX_LOCKS_BYTES = 1_048_576;
/** Option by which it asks nothing. */
const QUIET = ["--non-interactive"];

/** Environment in which zypper waits for others by itself, and names them. */
const ENVIRONMENT = { ...NEUTRAL, ZYPP_LOCK_TIMEOUT: "600" } as const;

/** Packages of SUSE. */
export const zypper: PackageManager = {
  name: "zypper",
  names: RPM_NAMES,
  locks: [],
  repositories: rpmRepositories("/etc/zypp/repos.d", (name) => ({
    argv: ["zypper", ...QUIET, "--gpg-auto-import-keys", "refresh", "--", name],
    cwd: "/",
    env: ENVIRONMENT,
  })),
  forms: rpmForms,
  async installed(reader) {
    const held = new Set(await heldNames(reader));
    return await installedByRpm(reader, (name) => held.has(name));
  },
  async simulate(transaction, reader) {
    const [command = "", ...words] = wordsOf(transaction);
    const { stdout } = await ask(
      [
        "zypper",
        "--xmlout",
        ...QUIET,
        "--no-refresh",
        command,
        "--dry-run",
        ...words,
      ],
      reader,
      { env: { ZYPP_LOGFILE: "/dev/null", ...transaction.env } },
    );
    const moves = readSummary(stdout);
    if (transaction.kind !== "upgrade") return moves;
    return moves.filter(({ name }) => !transaction.except.includes(name));
  },
  programs: (transaction) => [
    program(["zypper", ...QUIET, ...wordsOf(transaction)], transaction.env),
  ],
  hold: (names, held) => [
    program([
      "zypper",
      ...QUIET,
      held ? "addlock" : "removelock",
      "--",
      ...names,
    ]),
  ],
  listsRead: (reader) =>
    reader.followed(LISTS)?.kind === "folder"
      ? newestTime(
        reader.names(LISTS).map((name) => `${LISTS}/${name}`),
        reader,
      )
      : Promise.resolve(undefined),
  refresh: {
    argv: ["zypper", ...QUIET, "refresh"],
    cwd: "/",
    env: ENVIRONMENT,
  },
};

function program(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): StepProgram {
  return transactionProgram(argv, ENVIRONMENT, env);
}

/** Command of a transaction and its words. */
function wordsOf(transaction: Transaction): string[] {
  const { recommends, options = [] } = transaction;
  const installs = [
    "--auto-agree-with-licenses",
    ...recommends === undefined
      ? []
      : [recommends ? "--recommends" : "--no-recommends"],
    ...transaction.downgrades === true ? ["--oldpackage"] : [],
    ...options,
  ];
  switch (transaction.kind) {
    case "install":
      return [
        "install",
        ...installs,
        "--",
        ...transaction.packages.map(wordOf),
      ];
    case "remove":
      return [
        "remove",
        ...transaction.autoremove === true ? ["--clean-deps"] : [],
        ...options,
        "--",
        ...transaction.names,
      ];
    case "upgrade":
      return transaction.packages === undefined
        ? ["update", ...installs]
        : ["install", ...installs, "--", ...transaction.packages.map(wordOf)];
  }
}

function wordOf({ name, version }: WantedPackage): string {
  return version === undefined ? name : `${name}=${version}`;
}

async function heldNames(reader: HostReader): Promise<string[]> {
  if (reader.followed(LOCKS)?.kind !== "file") return [];
  const content = await reader.content(LOCKS);
  const bytes = await bytesOf(content, MAX_LOCKS_BYTES, `"${LOCKS}"`);
  return [
    ...new TextDecoder().decode(bytes)
      .matchAll(/^solvable_name: (.+)$/gm),
  ].map(([, name = ""]) => name);
}

/** Changes as zypper's summary in XML has them. */
export function readSummary(text: string): PackageMove[] {
  const moves: PackageMove[] = [];
  const sections = text.matchAll(
    /<to-(install|upgrade|downgrade|remove|reinstall)[^>]*>(.*?)<\/to-\1>/gs,
  );
  for (const [, kind, body = ""] of sections) {
    for (const [solvable] of body.matchAll(/<solvable\b[^>]*>/g)) {
      const valueOf = (key: string) =>
        solvable.match(new RegExp(`\\b${key}="([^"]*)"`))?.[1];
      if (valueOf("type") !== "package") continue;
      const edition = valueOf("edition");
      const name = valueOf("name") ?? "";
      const from = kind === "remove" ? edition : valueOf("edition-old");
      moves.push({
        name,
        ...from === undefined ? {} : { from },
        ...kind === "remove" || edition === undefined ? {} : { to: edition },
      });
    }
  }
  return moves;
}
