import type { HostReader, HostWriter, StepProgram } from "../../host/host.ts";
import { aptRepositories } from "./apt_repositories.ts";
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

const LISTS = "/var/lib/apt/lists";
const FORMAT = [
  "${Package}",
  "${Architecture}",
  "${Version}",
  "${db:Status-Want}",
  "${db:Status-Status}",
  "${Essential}",
  "${Provides}",
].join("\\t") + "\\n";

/** Programs ask nothing, keep changed settings, and restart no service by themselves. */
const ENVIRONMENT = {
  ...NEUTRAL,
  DEBIAN_FRONTEND: "noninteractive",
  DEBIAN_PRIORITY: "critical",
  APT_LISTCHANGES_FRONTEND: "none",
  APT_LISTBUGS_FRONTEND: "none",
  UCF_FORCE_CONFFOLD: "1",
  NEEDRESTART_MODE: "l",
} as const;

/** A simulation writes neither caches nor logs. */
const ONLY_LOOKS = [
  "-o",
  "Dir::Cache::pkgcache=",
  "-o",
  "Dir::Cache::srcpkgcache=",
  "-o",
  "Dir::Log::Planner=/dev/null",
  "-o",
  "Dir::Log::Solver=/dev/null",
];

const KEEPS_SETTINGS = [
  // With a terminal it shows its progress by hundreds of lines.
  "-o",
  "Dpkg::Use-Pty=0",
  "-o",
  "Dpkg::Options::=--force-confdef",
  "-o",
  "Dpkg::Options::=--force-confold",
  // Another may take the lock between the wait for it and the start of this.
  "-o",
  "DPkg::Lock::Timeout=60",
];

/** Packages of Debian and what comes from it. */
export const apt: PackageManager = {
  name: "apt",
  // A hyphen at the end would ask for a removal.
  names: /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9][a-z0-9-]*)?$/,
  locks: [
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/cache/apt/archives/lock",
    `${LISTS}/lock`,
  ],
  repositories: aptRepositories,
  installed: (reader) =>
    reader.shared(
      { name: "packages of dpkg", paths: ["/var/lib/dpkg"] },
      async () => {
        const { stdout } = await ask(
          ["dpkg-query", "-W", `--showformat=${FORMAT}`],
          reader,
          // It ends with 1 if there is no package at all.
          { codes: [0, 1] },
        );
        const packages = readDpkg(stdout);
        const own = packages.find(({ name }) => name === "dpkg");
        return new PackageTable(packages, own?.architecture);
      },
    ),
  async simulate(transaction, reader) {
    const words = wordsOf(transaction);
    const { stdout } = await ask(
      ["apt-get", "-s", "-q", ...ONLY_LOOKS, ...words],
      reader,
      { env: { ...ENVIRONMENT, ...transaction.env } },
    );
    const moves = readSimulation(stdout);
    if (transaction.kind !== "upgrade") return moves;
    const { except } = transaction;
    return moves.filter(({ name }) => !except.includes(bareName(name)));
  },
  programs: (transaction) => [
    program(
      ["apt-get", "-y", "-q", ...KEEPS_SETTINGS, ...wordsOf(transaction)],
      transaction.env,
    ),
  ],
  hold: (names, held) => [
    program(["apt-mark", held ? "hold" : "unhold", "--", ...names]),
  ],
  repair: program([
    "dpkg",
    "--force-confdef",
    "--force-confold",
    "--configure",
    "-a",
  ]),
  listsRead: async (reader) => {
    const isThere = reader.followed(LISTS)?.kind === "folder" &&
      reader.names(LISTS).some((name) =>
        /_(InRelease|Release|Packages)(\.[a-z0-9]+)?$/.test(name)
      );
    if (!isThere) return undefined;
    return await newestTime([
      LISTS,
      `${LISTS}/partial`,
      "/var/lib/apt/periodic/update-success-stamp",
    ], reader);
  },
  refresh: {
    argv: ["apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any"],
    cwd: "/",
    env: ENVIRONMENT,
  },
  keepMarks,
};

function program(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): StepProgram {
  return transactionProgram(argv, ENVIRONMENT, env);
}

/** Arguments of a transaction. */
function wordsOf(transaction: Transaction): string[] {
  const { recommends, options = [] } = transaction;
  const words = [
    ...recommends === undefined
      ? []
      : ["-o", `APT::Install-Recommends=${recommends}`],
    ...transaction.downgrades === true ? ["--allow-downgrades"] : [],
    ...transaction.changesHeld === true ? ["--allow-change-held-packages"] : [],
    ...transaction.keepsAll === true ? ["--no-remove"] : [],
    ...options,
  ];
  switch (transaction.kind) {
    case "install":
      return [...words, "install", "--", ...transaction.packages.map(wordOf)];
    case "remove":
      return [
        ...words,
        ...transaction.autoremove === true ? ["--auto-remove"] : [],
        transaction.purge === true ? "purge" : "remove",
        "--",
        ...transaction.names,
      ];
    case "upgrade":
      return transaction.packages === undefined
        ? [...words, "--with-new-pkgs", "upgrade"]
        : [...words, "install", "--", ...transaction.packages.map(wordOf)];
  }
}

function wordOf({ name, version }: WantedPackage): string {
  return version === undefined ? name : `${name}=${version}`;
}

/** An upgrade that names packages marks them as installed by hand, so that they would never be removed by themselves. */
async function keepMarks(writer: HostWriter): Promise<() => Promise<void>> {
  const before = await automatic(writer);
  return async () => {
    const now = new Set(await automatic(writer));
    const table = await apt.installed(writer);
    const lost = before.filter((name) =>
      !now.has(name) && table.of(name)?.state === "installed"
    );
    if (lost.length === 0) return;
    await writer.run(program(["apt-mark", "auto", "--", ...lost]));
  };
}

async function automatic(reader: HostReader): Promise<string[]> {
  const { stdout } = await ask(["apt-mark", "showauto"], reader);
  return stdout.split("\n").filter((name) => name !== "");
}

/** Packages as dpkg-query prints them by FORMAT. */
export function readDpkg(text: string): InstalledPackage[] {
  return text.split("\n").flatMap((line) => {
    const [name, architecture, version, want, status, essential, provides] =
      line.split("\t");
    if (
      name === undefined || version === undefined || status === undefined ||
      architecture === undefined || status === "not-installed"
    ) return [];
    return [{
      name,
      architecture,
      version,
      held: want === "hold",
      essential: essential === "yes",
      state: stateOf(status),
      provides: (provides ?? "").split(",")
        .map((word) => word.trim().replace(/[ :].*$/, ""))
        .filter((word) => word !== ""),
    }];
  });
}

function stateOf(status: string): InstalledPackage["state"] {
  if (status === "config-files") return "left";
  return status === "installed" ? "installed" : "half";
}

/** Changes as a simulation of apt-get prints them. */
export function readSimulation(text: string): PackageMove[] {
  const moves = new Map<string, PackageMove>();
  for (const line of text.split("\n")) {
    const [, act, name = "", from, to] = line.match(
      /^(Inst|Remv|Purg) (\S+)(?: \[([^\]]+)\])?(?: \((\S+) )?/,
    ) ?? [];
    if (act === undefined) continue;
    const known = moves.get(name)?.from ?? from;
    moves.set(name, {
      name,
      ...known === undefined ? {} : { from: known },
      ...act === "Inst" && to !== undefined ? { to } : {},
    });
  }
  return [...moves.values()];
}

/** Name without its architecture. */
function bareName(name: string): string {
  return name.replace(/:.*$/, "");
}
