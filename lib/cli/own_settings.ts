import type { Parsed } from "./arguments.ts";
import { kindOfFlag, kindOfPositional } from "./complete.ts";
import type { SubcommandTable } from "./command.ts";
import { expandNamedTargets, mayHaveName } from "./named_targets.ts";
import type { DefaultValue, OperatorConfig } from "./operator_config.ts";

/** Arguments with the values that a user's settings add. */
export interface WithSettings {
  readonly flags: Parsed["flags"];
  readonly positionals: Parsed["positionals"];
  /** Names of the flags whose values came from the file. */
  readonly fromSettings: ReadonlySet<string>;
  /** Lines that tell which values came from the file. */
  readonly explained: readonly string[];
}

/**
 * Adds the values of a user's settings to arguments. What was typed counts more: a value that contradicts it, or that
 * needs another flag which is not there, is left out.
 */
export function withSettings(
  parsed: Parsed,
  config: OperatorConfig | undefined,
  { table, words }: {
    table: SubcommandTable;
    /** Words that lead to the subcommand. */
    words: readonly string[];
  },
): WithSettings {
  const { flags, positionals } = parsed;
  const { values, explained } = defaultsOf(config, { table, words, parsed });
  const all = { ...flags, ...values };
  const explain = (before: unknown, after: unknown) => {
    if (before !== after && config !== undefined) {
      explained.push(`${before}: ${after}, from ${config.path}`);
    }
  };
  return {
    flags: expandValues(all, config, {
      explain,
      isTargets: (name) => {
        const flag = table.flags[name];
        return flag !== undefined && kindOfFlag(name, flag) === "targets";
      },
    }),
    positionals: expandValues(positionals, config, {
      explain,
      isTargets: (name) => kindOfPositional(name) === "targets",
      // With an operation, these words are its parameters.
      skips: (text) => all["op"] !== undefined && /^[^=%]*=/.test(text),
    }),
    fromSettings: new Set(Object.keys(values)),
    explained,
  };
}

function defaultsOf(
  config: OperatorConfig | undefined,
  { table, words, parsed }: {
    table: SubcommandTable;
    words: readonly string[];
    parsed: Parsed;
  },
): { values: Record<string, unknown>; explained: string[] } {
  const values: Record<string, unknown> = {};
  const explained: string[] = [];
  if (config === undefined) return { values, explained };
  const { given } = parsed;
  const found: (DefaultValue & { name: string; path: readonly string[] })[] =
    [];
  const subcommand = words.join(" ");
  const own = config.defaults[subcommand] ?? {};
  if (
    config.color !== undefined && table.flags["color"]?.type === "choice" &&
    !given.has("color") && own["color"] === undefined
  ) {
    const { color } = config;
    found.push({ name: "color", value: color, text: color, path: ["color"] });
  }
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || given.has(name)) continue;
    found.push({ name, ...value, path: ["defaults", subcommand, name] });
  }
  for (const { name, value } of found) values[name] = value;
  const reasons = leaveOut(values, parsed, table);
  for (const { name, text, path } of found) {
    const line = config.lineOf(path);
    const reason = reasons.get(name);
    explained.push(
      `--${name} ${text}: from ${config.path}${
        line === undefined ? "" : `, line ${line}`
      }${reason === undefined ? "" : `; left out: ${reason}`}`,
    );
  }
  return { values, explained };
}

/** Takes out the values that do not go with what was typed, and returns the reasons by name. */
function leaveOut(
  values: Record<string, unknown>,
  { flags, common, given, rest }: Parsed,
  table: SubcommandTable,
): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const typed = [
    ...[...given].filter((name) => isSet(flags[name])),
    ...common.json ? ["json"] : [],
    ...rest === undefined ? [] : ["--"],
  ];
  const areApart = (one: string, other: string) =>
    table.flags[one]?.apart?.includes(other) === true ||
    table.flags[other]?.apart?.includes(one) === true;
  const reasonOf = (name: string): string | undefined => {
    if (!isSet(values[name])) return undefined;
    const other = typed.find((each) => areApart(name, each));
    if (other !== undefined) {
      return `it contradicts ${other === "--" ? other : `--${other}`}`;
    }
    const needs = table.flags[name]?.needs ?? [];
    const isAlone = needs.length > 0 &&
      !needs.some((each) => isSet({ ...flags, ...values }[each]));
    return isAlone
      ? `there is no ${needs.map((each) => `--${each}`).join(" or ")}`
      : undefined;
  };
  // Once more for each that goes: others may need it.
  for (let before = -1; before < reasons.size;) {
    before = reasons.size;
    for (const name of Object.keys(values)) {
      const reason = reasonOf(name);
      if (reason === undefined) continue;
      reasons.set(name, reason);
      delete values[name];
    }
  }
  return reasons;
}

/** True for a value that says something: not for a flag that is absent, or undone by `=false`. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== false &&
    !(Array.isArray(value) && value.length === 0);
}

function expandValues(
  values: Readonly<Record<string, unknown>>,
  config: OperatorConfig | undefined,
  { isTargets, explain, skips = () => false }: {
    isTargets: (name: string) => boolean;
    explain: (before: unknown, after: unknown) => void;
    skips?: (text: string) => boolean;
  },
): Record<string, unknown> {
  const one = (text: unknown) => {
    if (typeof text !== "string" || !mayHaveName(text) || skips(text)) {
      return text;
    }
    const [expanded = text] = expandNamedTargets([text], config);
    explain(text, expanded);
    return expanded;
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      !isTargets(name)
        ? value
        : Array.isArray(value)
        ? value.map(one)
        : one(value),
    ]),
  );
}
