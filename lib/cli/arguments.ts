import { parseArgs } from "@std/cli/parse-args";
import { PiriError } from "../base/errors.ts";
import { didYouMean, nearest } from "../base/nearest.ts";
import { parseTypedDuration } from "../base/units.ts";
import type { Flag, Flags, Positionals, SubcommandTable } from "./command.ts";
import { HintedError } from "./errors.ts";
import { meantFlag } from "./flag_synonyms.ts";
import { durationText } from "./time.ts";

type ParsedArgs = ReturnType<typeof parseArgs>;

/** Flags of every program and subcommand. */
export const COMMON_FLAGS = {
  dir: { type: "string", value: "DIR", summary: "the state folder" },
  json: { type: "boolean", summary: "print JSON, one value a line" },
  help: { type: "boolean", summary: "show this help" },
} as const satisfies Flags;

/** Flags of every subcommand of a program that has settings of the person who calls it. */
export const OPERATOR_FLAGS = {
  utc: { type: "boolean", summary: "print times in UTC" },
  explain: {
    type: "boolean",
    summary: "tell on stderr which values came from your config.yaml",
  },
  "no-config": {
    type: "boolean",
    summary: "do not read your config.yaml; nor with PIRI_NO_CONFIG=1",
  },
} as const satisfies Flags;

/** The values of the common flags. */
export interface CommonValues {
  readonly dir: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
  readonly utc: boolean;
  readonly explain: boolean;
  readonly noConfig: boolean;
}

/** Arguments as a subcommand's table describes them. */
export interface Parsed {
  readonly common: CommonValues;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly positionals: Readonly<Record<string, unknown>>;
  readonly rest: readonly string[] | undefined;
  /** Names of the flags that were typed. */
  readonly given: ReadonlySet<string>;
}

/**
 * Reads the common flags in front of the first word, which names a subcommand.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseFront(
  args: readonly string[],
  extra: Flags,
): { common: CommonValues; version: boolean; words: readonly string[] } {
  const flags = { ...extra, ...COMMON_FLAGS };
  const parsed = parse(args, flags, {
    stopEarly: true,
    otherwise:
      '"--help" lists the flags; those of a subcommand stand behind its name',
  });
  return {
    common: commonValues(parsed),
    version: parsed["version"] === true,
    words: [...parsed._.map(String), ...fromSeparator(args)],
  };
}

/**
 * Reads a subcommand's arguments by its table. With `--help` nothing else is checked.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseSubcommand(
  table: SubcommandTable,
  args: readonly string[],
  more: Flags = {},
): Parsed {
  const flags: Flags = { ...table.flags, ...COMMON_FLAGS, ...more };
  const parsed = parse(args, flags, {
    stopEarly: false,
    hints: table.hints ?? {},
    otherwise: `"${table.name} --help" lists the flags`,
  });
  const common = commonValues(parsed);
  const rest = args.includes("--") ? fromSeparator(args).slice(1) : undefined;
  const given = givenFlags(args);
  if (common.help) return { common, flags: {}, positionals: {}, rest, given };
  if (rest !== undefined && table.rest === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use "--": "${table.name}" takes nothing after it`,
    );
  }
  return {
    common,
    flags: Object.fromEntries(
      Object.entries(table.flags)
        .map(([name, flag]) => [
          name,
          isEmpty(name, flag, args) ? "" : valueOf(name, flag, parsed[name]),
        ]),
    ),
    positionals: assign(table, parsed._.map(String)),
    rest,
    given,
  };
}

/**
 * Reads the value of a flag from texts.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function readFlag(
  name: string,
  flag: Flag,
  texts: readonly string[],
): unknown {
  const [text = ""] = texts;
  if (flag.type === "repeated") return valueOf(name, flag, texts);
  if (flag.type !== "boolean") return valueOf(name, flag, text);
  if (text === "true" || text === "false") return text === "true";
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${name} ${text}": it is neither true nor false`,
  );
}

/** True for a flag that may be empty, and was given so. */
function isEmpty(name: string, flag: Flag, args: readonly string[]): boolean {
  return flag.type === "string" && flag.mayBeEmpty === true &&
    joinDashes(args, [name]).includes(`--${name}=`);
}

/** Names of the flags among the arguments. */
function givenFlags(args: readonly string[]): ReadonlySet<string> {
  const typed = args.slice(0, args.length - fromSeparator(args).length);
  return new Set(
    typed.flatMap((word) => /^--([^=]+)/.exec(word)?.[1] ?? []),
  );
}

function parse(
  args: readonly string[],
  flags: Flags,
  { stopEarly, hints = {}, otherwise }: {
    stopEarly: boolean;
    hints?: Readonly<Record<string, string>>;
    /** Hint for a flag that is not close to any. */
    otherwise: string;
  },
): ParsedArgs {
  const names = Object.keys(flags);
  const ofType = (...types: readonly Flag["type"][]) =>
    names.filter((name) => types.includes(flags[name]?.type ?? "string"));
  const withValue = names.filter((name) => flags[name]?.type !== "boolean");
  return parseArgs(joinDashes(args, withValue), {
    "--": true,
    stopEarly,
    alias: { help: "h" },
    boolean: ofType("boolean"),
    // "_" keeps words that look like numbers as they were typed: a long id would lose its last digits.
    string: ["_", ...withValue],
    collect: ofType("repeated"),
    unknown: (word, key) => {
      if (key === undefined) return true; // not a flag
      const meant = meantFlag(key, names);
      throw new HintedError(
        "INVALID_ARGUMENT",
        `Cannot understand "${word}": there is no such flag`,
        Object.hasOwn(hints, key)
          ? hints[key] ?? otherwise
          : meant === undefined
          ? otherwise
          : `did you mean "--${meant}"?`,
      );
    },
  });
}

/**
 * Turns `--flag -` into `--flag=-`, and `--flag -1` likewise, because the parser takes no value that begins with "-"; and
 * `--flag ''` into `--flag=`, which can be told from a flag without a value.
 */
function joinDashes(
  args: readonly string[],
  withValue: readonly string[],
): string[] {
  const flags = withValue.map((name) => `--${name}`);
  const joined: string[] = [];
  const end = args.length - fromSeparator(args).length;
  for (const word of args.slice(0, end)) {
    const flag = joined.at(-1);
    if (
      /^(-([0-9].*)?)?$/.test(word) && flag !== undefined &&
      flags.includes(flag)
    ) {
      joined.splice(-1, 1, `${flag}=${word}`);
    } else joined.push(word);
  }
  return [...joined, ...args.slice(end)];
}

/** `--` and the arguments after it. */
function fromSeparator(args: readonly string[]): string[] {
  const start = args.indexOf("--");
  return start < 0 ? [] : args.slice(start);
}

function commonValues(parsed: ParsedArgs): CommonValues {
  const dir = valueOf("dir", COMMON_FLAGS.dir, parsed["dir"]);
  return {
    dir: typeof dir === "string" ? dir : undefined,
    json: parsed["json"] === true,
    help: parsed["help"] === true,
    utc: parsed["utc"] === true,
    explain: parsed["explain"] === true,
    noConfig: parsed["no-config"] === true,
  };
}

function valueOf(name: string, flag: Flag, value: unknown): unknown {
  if (flag.type === "boolean") return value === true;
  if (flag.type === "repeated") {
    const values = Array.isArray(value) ? value.map(String) : [];
    for (const one of values) requireText(name, one);
    return values;
  }
  if (value === undefined) return undefined;
  const text = requireText(name, String(value));
  switch (flag.type) {
    case "string":
      return text;
    case "duration":
      return duration(name, text, flag);
    case "number":
      return wholeNumber(name, text, flag);
    case "choice":
      return choice(name, text, flag);
  }
}

function requireText(name: string, text: string): string {
  if (text !== "") return text;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot use "--${name}": it needs a value`,
    `a value that begins with "-" is written as --${name}=VALUE`,
  );
}

/** Longest duration unless a flag says otherwise, in milliseconds: the API has 32 bits for most. */
const MAX_DURATION_MS = 49 * 86_400_000;

function duration(
  name: string,
  text: string,
  { most = MAX_DURATION_MS }: { most?: number },
): number {
  const ms = parseTypedDuration(text);
  if (ms >= 1 && ms <= most) return ms;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${name} ${text}": ${
      ms < 1 ? "the least is 1 ms" : `the most is ${durationText(most)}`
    }`,
  );
}

function wholeNumber(
  name: string,
  text: string,
  { least, most }: { least: number; most: number },
): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${name} ${text}": it is not a whole number from ${least} to ${most}`,
  );
}

function choice(
  name: string,
  text: string,
  { choices, synonyms = {} }: {
    choices: readonly string[];
    synonyms?: Readonly<Record<string, string>>;
  },
): string {
  if (choices.includes(text)) return text;
  const what = `Cannot use "--${name} ${text}": it is none of ${
    choices.join(", ")
  }`;
  const meant = (Object.hasOwn(synonyms, text) ? synonyms[text] : undefined) ??
    nearest(text, choices);
  throw meant === undefined
    ? new PiriError("INVALID_ARGUMENT", what)
    : new HintedError("INVALID_ARGUMENT", what, `did you mean "${meant}"?`);
}

function assign(
  { name: subcommand, positionals }: {
    name: string;
    positionals: Positionals;
  },
  words: readonly string[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  let next = 0;
  for (const [name, { type }] of Object.entries(positionals)) {
    const isNeeded = type === "one" || type === "many";
    if (next >= words.length && isNeeded) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        `Cannot run "${subcommand}": <${name}> is missing`,
        `"${subcommand} --help" tells how it is used`,
      );
    }
    const isList = type === "many" || type === "any";
    values[name] = isList ? words.slice(next) : words[next];
    next = isList ? words.length : next + 1;
  }
  if (next < words.length) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${subcommand}": unexpected argument "${words[next]}"`,
    );
  }
  checkChoices(subcommand, positionals, values);
  return values;
}

function checkChoices(
  subcommand: string,
  positionals: Positionals,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const [name, { choices }] of Object.entries(positionals)) {
    const value = values[name];
    if (choices === undefined || typeof value !== "string") continue;
    if (choices.includes(value)) continue;
    throw new HintedError(
      "INVALID_ARGUMENT",
      `Cannot run "${subcommand}": <${name}> "${value}" is none of ${
        choices.join(", ")
      }`,
      didYouMean(
        value.toLowerCase(),
        choices,
        `"${subcommand} --help" tells how it is used`,
      ),
    );
  }
}
