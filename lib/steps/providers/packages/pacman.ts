import { PiriError } from "../../../base/errors.ts";
import type { HostReader } from "../../host/host.ts";
import { ask, NEUTRAL, newestTime, transactionProgram } from "./ask_manager.ts";
import type { PackageManager, Transaction } from "./package_manager.ts";
import { type PackageMove, PackageTable } from "./package_table.ts";
import { fits } from "./version_fits.ts";

const LISTS = "/var/lib/pacman/sync";
const FORMAT = ["--print", "--print-format", "%n %v"];

/** Packages of Arch Linux. It has one version of each. */
export const pacman: PackageManager = {
  name: "pacman",
  names: /^[a-z0-9@_+][a-z0-9@._+-]*$/,
  locks: [],
  lockFile: "/var/lib/pacman/db.lck",
  forms: (version) => [version.replace(/-[^-]*$/, "")],
  installed: (reader) =>
    reader.shared(
      { name: "packages of pacman", paths: ["/var/lib/pacman"] },
      async () => {
        const { stdout } = await ask(["pacman", "-Q"], reader, {
          // It ends with 1 if there is no package at all.
          codes: [0, 1],
        });
        return new PackageTable(
          readPairs(stdout).map(([name, version]) => ({
            name,
            version,
            held: false,
            state: "installed",
          })),
        );
      },
    ),
  async simulate(transaction, reader) {
    const { stdout } = await ask(
      ["pacman", ...wordsOf(transaction, FORMAT)],
      reader,
      { env: transaction.env },
    );
    const moves = await movesOf(readPairs(stdout), transaction, reader);
    requireVersions(transaction, moves);
    return moves;
  },
  programs: (transaction) => [
    transactionProgram(
      [
        "pacman",
        ...wordsOf(transaction, ["--noconfirm", "--noprogressbar"]),
      ],
      NEUTRAL,
      transaction.env,
    ),
  ],
  listsRead: (reader) =>
    reader.followed(LISTS)?.kind === "folder"
      ? newestTime(
        reader.names(LISTS).map((name) => `${LISTS}/${name}`),
        reader,
      )
      : Promise.resolve(undefined),
  refresh: { argv: ["pacman", "-Sy", "--noconfirm"], cwd: "/", env: NEUTRAL },
};

function wordsOf(transaction: Transaction, more: readonly string[]): string[] {
  const { options = [] } = transaction;
  const words = [...more, ...options];
  switch (transaction.kind) {
    case "install":
      return [
        "-S",
        "--needed",
        ...words,
        "--",
        ...transaction.packages.map(({ name }) => name),
      ];
    case "remove":
      return [
        `-R${transaction.autoremove === true ? "s" : ""}${
          transaction.purge === true ? "n" : ""
        }`,
        ...words,
        "--",
        ...transaction.names,
      ];
    case "upgrade":
      return [
        "-Su",
        ...transaction.except.map((name) => `--ignore=${name}`),
        ...words,
      ];
  }
}

async function movesOf(
  pairs: readonly (readonly [string, string])[],
  { kind }: Transaction,
  reader: HostReader,
): Promise<PackageMove[]> {
  const table = await pacman.installed(reader);
  return pairs.flatMap(([name, version]): PackageMove[] => {
    const from = table.of(name)?.version;
    if (kind === "remove") return [{ name, from: version }];
    if (from === version) return [];
    return [{ name, ...from === undefined ? {} : { from }, to: version }];
  });
}

/** Refuses a version that the lists do not have. */
function requireVersions(
  transaction: Transaction,
  moves: readonly PackageMove[],
): void {
  if (transaction.kind !== "install") return;
  for (const { name, version } of transaction.packages) {
    const to = moves.find((move) => move.name === name)?.to;
    if (version === undefined || to === undefined) continue;
    if (fits(to, version, pacman)) continue;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot install "${name}" ${version}: the lists of pacman have ${to} only`,
    );
  }
}

/** Names and versions, one pair a line. */
export function readPairs(text: string): [string, string][] {
  return text.split("\n").flatMap((line): [string, string][] => {
    const [, name, version] = line.match(/^(\S+) (\S+)$/) ?? [];
    return name === undefined || version === undefined ? [] : [[name, version]];
  });
}
