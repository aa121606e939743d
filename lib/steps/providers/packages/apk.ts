import { ask, NEUTRAL, newestTime, transactionProgram } from "./ask_manager.ts";
import type {
  PackageManager,
  Transaction,
  WantedPackage,
} from "./package_manager.ts";
import {
  type InstalledPackage,
  type PackageMove,
  PackageTable,
} from "./package_table.ts";

const LISTS = ["/var/cache/apk", "/etc/apk/cache"];

/** Packages of Alpine Linux. */
export const apk: PackageManager = {
  name: "apk",
  names: /^[a-z0-9_.][a-zA-Z0-9_.+-]*$/,
  locks: ["/lib/apk/db/lock", "/usr/lib/apk/db/lock"],
  forms: (version) => [version.replace(/-r\d+$/, "")],
  installed: (reader) =>
    reader.shared(
      { name: "packages of apk", paths: ["/lib/apk", "/usr/lib/apk"] },
      async () => {
        const { stdout } = await ask(["apk", "info", "-v"], reader);
        return new PackageTable(readInfo(stdout));
      },
    ),
  async simulate(transaction, reader) {
    const moves: PackageMove[] = [];
    const [words = []] = wordsOf(transaction);
    const { stdout } = await ask(
      ["apk", "--no-progress", "--simulate", ...words],
      reader,
      { env: transaction.env },
    );
    moves.push(...readActs(stdout));
    if (transaction.kind !== "upgrade") return moves;
    return moves.filter(({ name }) => !transaction.except.includes(name));
  },
  programs: (transaction) =>
    wordsOf(transaction).map((words) =>
      transactionProgram(
        ["apk", "--no-progress", "--wait", "60", ...words],
        NEUTRAL,
        transaction.env,
      )
    ),
  listsRead: (reader) => {
    const found = LISTS
      .filter((path) => reader.followed(path)?.kind === "folder")
      .flatMap((path) =>
        reader.names(path).filter((name) => name.startsWith("APKINDEX"))
          .map((name) => `${path}/${name}`)
      );
    return newestTime(found, reader);
  },
  refresh: {
    argv: ["apk", "--no-progress", "--wait", "60", "update"],
    cwd: "/",
    env: NEUTRAL,
  },
};

/** Words of each program of a transaction. */
function wordsOf(transaction: Transaction): string[][] {
  const { options = [] } = transaction;
  switch (transaction.kind) {
    case "install": {
      const { packages } = transaction;
      const names = packages.map(({ name }) => name);
      const isBound = packages.some(({ version }) => version !== undefined);
      return [
        ["add", "--upgrade", ...options, "--", ...packages.map(wordOf)],
        // It keeps a version that it was given for ever, unless it is given the name alone.
        ...isBound ? [["add", ...options, "--", ...names]] : [],
      ];
    }
    case "remove":
      return [[
        "del",
        ...transaction.purge === true ? ["--purge"] : [],
        ...options,
        "--",
        ...transaction.names,
      ]];
    case "upgrade":
      return [[
        "upgrade",
        ...options,
        ...transaction.packages === undefined
          ? []
          : ["--", ...transaction.packages.map(({ name }) => name)],
      ]];
  }
}

function wordOf({ name, version }: WantedPackage): string {
  if (version === undefined) return name;
  // It knows the start of a version by a tilde.
  const start = version.match(/^([^*]*[^*.])\.?\*$/)?.[1];
  return start === undefined ? `${name}=${version}` : `${name}=~${start}`;
}

/** Packages as names with versions. */
export function readInfo(text: string): InstalledPackage[] {
  return text.split("\n").flatMap((line) => {
    const [, name, version] = line.match(/^(\S+)-([^-\s]+-r\d+)$/) ?? [];
    return name === undefined || version === undefined
      ? []
      : [{ name, version, held: false, state: "installed" }];
  });
}

/** Changes as apk tells them. */
export function readActs(text: string): PackageMove[] {
  return text.split("\n").flatMap((line): PackageMove[] => {
    const [, act, name = "", one = "", other = one] = line.match(
      /^\(\s*\d+\/\d+\) (Installing|Upgrading|Downgrading|Replacing|Purging) (\S+) \((\S+?)(?: -> (\S+))?\)/,
    ) ?? [];
    switch (act) {
      case undefined:
        return [];
      case "Installing":
        return [{ name, to: one }];
      case "Purging":
        return [{ name, from: one }];
      default:
        return [{ name, from: one, to: other }];
    }
  });
}
