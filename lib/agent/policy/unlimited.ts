import { basename } from "@std/path";
import { globMatches } from "../../base/glob.ts";
import { isInterpreter } from "../../base/interpreters.ts";
import { pathMatches, realPlace } from "../../operations/guard.ts";
import type { Policy } from "./policy.ts";
import { type AllowRule, MORE } from "./rule_schema.ts";
import { neededSignatures } from "./signatures.ts";
import { WRITERS } from "./stands_for.ts";

/** Operations that write files. */
const WRITING: readonly string[] = [
  "state.Apply",
  ...WRITERS.map(({ name }) => name),
];

/** Most operations that a sentence names. */
const MAX_NAMES = 3;

/** Variables that make a program load or run what they name. */
const DANGEROUS_VARIABLES = [
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
  "LD_AUDIT",
  "PATH",
  "BASH_ENV",
  "ENV",
  "IFS",
  "PYTHONPATH",
  "PYTHONSTARTUP",
  "PERL5OPT",
  "PERL5LIB",
  "RUBYOPT",
  "NODE_OPTIONS",
  "GIT_SSH_COMMAND",
  "PAGER",
  "EDITOR",
];

/** Files from which a host starts programs, or by which it lets people in. */
const POWERFUL_FILES = [
  "/etc/systemd/system/x.service",
  "/run/systemd/system/x.service",
  "/usr/lib/systemd/system/x.service",
  "/lib/systemd/system/x.service",
  "/etc/init.d/x",
  "/etc/cron.d/x",
  "/etc/cron.daily/x",
  "/etc/crontab",
  "/var/spool/cron/crontabs/root",
  "/etc/profile.d/x.sh",
  "/etc/ld.so.preload",
  "/etc/ld.so.conf.d/x.conf",
  "/etc/passwd",
  "/etc/shadow",
  "/etc/sudoers",
  "/etc/sudoers.d/x",
  "/etc/pam.d/x",
  "/etc/udev/rules.d/x.rules",
  "/root/.ssh/authorized_keys",
  "/root/.bashrc",
  "/usr/bin/x",
  "/usr/sbin/x",
  "/bin/x",
  "/sbin/x",
  "/usr/local/bin/x",
  "/usr/local/sbin/x",
  "/usr/lib/x.so",
  "/lib/x.so",
];

/**
 * Ways by which a policy can be got around without signatures, as sentences. A policy that has one is called unlimited.
 */
export function unlimitedBy(policy: Policy): readonly string[] {
  const { mode, allow = [] } = policy;
  const unsigned = ["command.Run", ...WRITING]
    .filter((name) => neededSignatures(policy, name).signatures === 0);
  if (mode === "observe" || unsigned.length === 0) return [];
  if (mode === "all") {
    return unsigned.includes("command.Run")
      ? ["mode: all allows every program"]
      : [`mode: all allows to write every file by ${someOf(unsigned)}`];
  }
  return allow.flatMap((rule, index) =>
    waysAround(rule, { all: allow, unsigned })
      .map((way) => `allow ${index + 1}: ${way}`)
  );
}

function someOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return more <= 0
    ? names.join(", ")
    : `${names.slice(0, MAX_NAMES).join(", ")} and ${more} more`;
}

function waysAround(
  rule: AllowRule,
  { all, unsigned }: {
    readonly all: readonly AllowRule[];
    /** Operations that need no signatures. */
    readonly unsigned: readonly string[];
  },
): string[] {
  const about = unsigned.filter((name) => fits(rule, name));
  const ways: string[] = [];
  if (about.includes("command.Run") && rule.path === undefined) {
    ways.push(...waysOfProgram(rule));
  }
  const writes = WRITING.some((name) => about.includes(name));
  if (writes && rule.argv === undefined) ways.push(...waysOfFiles(rule, all));
  return ways;
}

function waysOfProgram({ argv, env = [] }: AllowRule): string[] {
  const [program] = argv ?? [];
  if (program === undefined) return ["it allows every program"];
  const names = program.split("|");
  const variable = DANGEROUS_VARIABLES.find((name) =>
    env.some((pattern) => globMatches(pattern, name))
  );
  return [
    ...names.filter((name) => basename(name).includes("*"))
      .map((name) => `it allows all programs that are called "${name}"`),
    ...names.filter(isInterpreter).filter(() => isOpen(argv ?? []))
      .map((name) => `"${name}" runs whatever its arguments say`),
    ...variable === undefined
      ? []
      : [`by the variable "${variable}" a program runs something else`],
  ];
}

/** True if what an interpreter is told is not spelled out by the rule. */
function isOpen([, ...words]: readonly string[]): boolean {
  return words.length === 0 ||
    words.some((word) => word === MORE || word.includes("*"));
}

function waysOfFiles({ path }: AllowRule, all: readonly AllowRule[]): string[] {
  if (path === undefined) return ["it allows to write every file"];
  const mayWrite = (file: string) =>
    path.some((pattern) =>
      pathMatches(pattern, file) || pathMatches(pattern, realPlace(file))
    );
  const powerful = POWERFUL_FILES.find(mayWrite);
  const own = all.flatMap(({ argv: [program = ""] = [] }) => program.split("|"))
    .find((program) => program !== "" && mayWrite(program));
  return [
    ...powerful === undefined ? [] : [
      `it allows to write files as "${powerful}", by which a host runs programs or lets people in`,
    ],
    ...own === undefined
      ? []
      : [`it allows to write "${own}", which a rule allows to run`],
  ];
}

function fits({ do: patterns }: AllowRule, name: string): boolean {
  return patterns.some((pattern) => globMatches(pattern, name));
}
