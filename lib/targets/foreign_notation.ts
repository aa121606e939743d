import { formatName } from "./format_targets.ts";
import { BARE_VALUE } from "./parse_fact.ts";
import type { Scanner } from "./scanner.ts";

/** Notation of other tools: a pattern for the place, the fact, and what to write instead. */
type Foreign = readonly [
  pattern: RegExp,
  fact: string,
  hint: string | ((match: RegExpExecArray) => string),
];

const REGULAR = "regular expressions are not known";
const GLOB = "write a glob, with * for any text and ? for one character";

/** Facts for grains of Salt that have another name here, or mean something else. */
const FACTS_OF_GRAINS: ReadonlyMap<string, string> = new Map([
  ["cpuarch", "arch"],
  ["host", "hostname"],
  ["id", "name"],
  ["kernel", "os"],
  ["kernelrelease", "kernel"],
  ["localhost", "hostname"],
  ["mem_total", "memory_mb"],
  ["nodename", "hostname"],
  ["num_cpus", "cpus"],
  ["os", "os.name"],
  ["os_family", "os.family"],
  ["osarch", "arch"],
  ["oscodename", "os.codename"],
  ["osfullname", "os.name"],
  ["osmajorrelease", "os.version"],
  ["osrelease", "os.version"],
]);

/** Values of facts for values of grains that are not the same text in small letters. */
const VALUES_OF_GRAINS: ReadonlyMap<string, string> = new Map([
  ["arch x86_64", "x64"],
  ["arch amd64", "x64"],
  ["arch aarch64", "arm64"],
  ["os.name redhat", "rhel"],
]);

/** Facts whose values agents tell in small letters. */
const IN_SMALL_LETTERS = new Set(["os", "os.name", "os.family", "arch"]);

/** Comparison of a fact for a grain of Salt, as os:Debian; the last part of nested ones is the value. */
function ofGrain(grain: string): string {
  const parts = grain.split(":");
  const value = parts.length > 1 ? parts.pop() || "VALUE" : "VALUE";
  const name = parts.join(".");
  const fact = FACTS_OF_GRAINS.get(name) ?? name;
  const isSmall = value !== "VALUE" && IN_SMALL_LETTERS.has(fact);
  const small = isSmall ? value.toLowerCase() : value;
  const ours = VALUES_OF_GRAINS.get(`${fact} ${small}`) ?? small;
  return `${formatName(fact)}=${isBare(ours) ? ours : JSON.stringify(ours)}`;
}

function isBare(value: string): boolean {
  BARE_VALUE.lastIndex = 0;
  return BARE_VALUE.exec(value)?.[0] === value;
}

/** Notation that people try where an agent, group or fact begins. */
const AT_ITEM: readonly Foreign[] = [
  [
    /%([A-Za-z0-9_.-]*)/y,
    "a named expression has not been replaced",
    ([, name = ""]) =>
      `the command line replaces %${name} if its configuration names it; write the expression itself`,
  ],
  [/[EP]@/y, REGULAR, GLOB],
  [/~/y, REGULAR, GLOB],
  [/\/[^/]*\/?/y, REGULAR, GLOB],
  [/[\^$]/y, REGULAR, GLOB],
  [/\.[*+?]?/y, "no name begins with a dot", GLOB],
  [
    /G@([A-Za-z0-9_.-][^\s(),"'\\]*)/y,
    "grains are called facts here",
    ([, grain = ""]) => `write ${ofGrain(grain)}`,
  ],
  [
    /L@([^\s()]*)/y,
    "a list needs no mark",
    ([, names]) => `write ${names || "web-1,web-2"}`,
  ],
  [
    /N@([A-Za-z0-9_.-]*)/y,
    "groups are marked with @ alone",
    ([, name]) => `write @${formatName(name || "web")}`,
  ],
  [
    /[A-Z]@/y,
    "there is no such mark",
    "write a name, a glob, @group or FACT=VALUE",
  ],
  [/&/y, "one & is enough", "write web-* & @new for what both mean"],
  [/[|;:]/y, "this is no operator", "write a comma or the word or"],
  [/-/y, "no name begins with a hyphen", "write ! or not for a difference"],
  [
    /(?:==?|!=|[<>]=?)/y,
    "the fact is missing",
    "write FACT=VALUE, as os.name=debian",
  ],
];

/** Notation that people try after an agent, group or fact. */
const AFTER_ITEM: readonly Foreign[] = [
  [/:&/y, "this is no operator", "write & or and"],
  [/:!/y, "this is no operator", "write ! or not"],
  [/[|]+|;|:/y, "this is no operator", "write a comma or the word or"],
  [
    /\^/y,
    "this is no operator",
    "write (A ! B), (B ! A) for what one of both means",
  ],
  [/[+\\$]/y, REGULAR, GLOB],
  [/@/y, "a group begins here without an operator", "write a comma, & or !"],
  [
    /(?:AND|OR|NOT)(?![A-Za-z0-9._*?[{-])/y,
    "operators are written in small letters",
    ([word]) => `write ${word.toLowerCase()}`,
  ],
  [
    /\(/y,
    "a parenthesis begins here without an operator",
    "write a comma, & or !",
  ],
  [
    /[A-Za-z0-9*?[{"']/y,
    "an operator is missing",
    "write a comma for both, & for what both mean, or ! for a difference",
  ],
  [
    /[=<>]/y,
    "this is no name of a fact",
    "write FACT=VALUE, as os.name=debian",
  ],
];

/** @throws {TargetError} always: for what stands where an agent, group or fact should begin */
export function refuseItem(scanner: Scanner): never {
  refuse(scanner, AT_ITEM);
  if (scanner.next === "" || scanner.next === "," || scanner.next === ")") {
    scanner.fail(
      "an agent, group or fact is missing",
      "write a name, a glob, @group or FACT=VALUE",
    );
  }
  return refuseCharacter(scanner);
}

/** @throws {TargetError} always: for what stands where an operator or the end should be */
export function refuseRest(scanner: Scanner): never {
  refuse(scanner, AFTER_ITEM);
  return refuseCharacter(scanner);
}

function refuse(scanner: Scanner, table: readonly Foreign[]): void {
  for (const [pattern, fact, hint] of table) {
    const match = scanner.look(pattern);
    if (match === undefined) continue;
    scanner.fail(fact, typeof hint === "string" ? hint : hint(match));
  }
}

function refuseCharacter(scanner: Scanner): never {
  scanner.fail(
    "this character has no meaning",
    "names have letters, digits, dots, hyphens and underscores",
  );
}
