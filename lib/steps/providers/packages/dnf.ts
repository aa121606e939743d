import { PiriError } from "../../../base/errors.ts";
import type { StepProgram } from "../../host/host.ts";
import {
  ask,
  NEUTRAL,
  newestTime,
  saidBy,
  transactionProgram,
} from "./ask_manager.ts";
import type { PackageManager, Transaction } from "./package_manager.ts";
import type { PackageMove } from "./package_table.ts";
import {
  installedByRpm,
  nevra,
  RPM_NAMES,
  rpmForms,
  rpmRepositories,
} from "./rpm.ts";

/** Folders in which dnf 4, dnf 5 and yum keep lists. */
const CACHES = ["/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum"];
/** Fewest words of a row: name, architecture, version, repository and size, which has no unit if it is 0. */
const ROW_WORDS = 5;

/** Packages of Fedora and what comes from it, by dnf or yum. */
export function dnfAs(program: "dnf" | "yum"): PackageManager {
  const reads = (argv: readonly string[]): StepProgram => ({
    argv: [program, "-y", ...argv],
    cwd: "/",
    env: NEUTRAL,
  });
  const manager: PackageManager = {
    name: program,
    names: RPM_NAMES,
    // It waits for others by itself, and names them.
    locks: [],
    repositories: rpmRepositories(
      "/etc/yum.repos.d",
      (name) => reads(["--disablerepo=*", `--enablerepo=${name}`, "makecache"]),
    ),
    installed: installedByRpm,
    forms: rpmForms,
    async simulate(transaction, reader) {
      const argv = [program, "-C", "--assumeno", ...wordsOf(transaction)];
      const answer = await ask(argv, reader, {
        codes: [0, 1],
        env: transaction.env,
      });
      const isAborted = /^Operation aborted|^Exiting on user/m
        .test(`${answer.stdout}\n${answer.stderr}`);
      if (answer.code === 1 && !isAborted) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot go on: ${program} says: ${saidBy(answer)}`,
        );
      }
      const table = await manager.installed(reader);
      return readTable(answer.stdout).map(({ name, to }) => {
        const from = table.of(name)?.version;
        return {
          name,
          ...from === undefined ? {} : { from },
          ...to === undefined ? {} : { to },
        };
      });
    },
    programs: (transaction) => [
      transactionProgram(
        [program, "-y", ...wordsOf(transaction)],
        NEUTRAL,
        transaction.env,
      ),
    ],
    listsRead: (reader) => {
      const found = CACHES
        .filter((path) => reader.followed(path)?.kind === "folder")
        .flatMap((path) => reader.names(path).map((name) => `${path}/${name}`));
      return newestTime(found, reader);
    },
    refresh: reads(["makecache"]),
  };
  return manager;
}

function wordsOf(transaction: Transaction): string[] {
  const { recommends, options = [] } = transaction;
  const words = [
    ...recommends === undefined
      ? []
      : [`--setopt=install_weak_deps=${recommends ? "True" : "False"}`],
    ...options,
  ];
  switch (transaction.kind) {
    case "install":
      return [...words, "install", "--", ...transaction.packages.map(nevra)];
    case "remove":
      return [
        ...words,
        `--setopt=clean_requirements_on_remove=${
          transaction.autoremove === true ? "True" : "False"
        }`,
        "remove",
        "--",
        ...transaction.names,
      ];
    case "upgrade":
      return [
        ...words,
        ...transaction.except.map((name) => `--exclude=${name}`),
        "upgrade",
        ...transaction.packages === undefined
          ? []
          : ["--", ...transaction.packages.map(nevra)],
      ];
  }
}

/** Changes as dnf and yum show them before they ask. Long names stand on a line of their own. */
export function readTable(text: string): PackageMove[] {
  const moves: PackageMove[] = [];
  let removes: boolean | undefined;
  let words: string[] = [];
  for (const line of text.split("\n")) {
    const [, act] =
      line.match(/^(Install|Upgrad|Updat|Downgrad|Reinstall|Remov)ing\b.*:$/) ??
        [];
    if (act !== undefined) {
      removes = act === "Remov";
      words = [];
      continue;
    }
    if (!line.startsWith(" ") || /^ +replacing /.test(line)) {
      if (line.trim() !== "" && !line.startsWith(" ")) removes = undefined;
      continue;
    }
    if (removes === undefined) continue;
    words.push(...line.trim().split(/\s+/));
    if (words.length < ROW_WORDS) continue;
    const [name = "", , version = ""] = words;
    words = [];
    moves.push({
      name,
      ...removes ? {} : { to: version.replace(/^0:/, "") },
    });
  }
  return moves;
}
