import type { Parsed } from "./arguments.ts";
import { kindOfFlag, kindOfPositional } from "./complete.ts";
import type { SubcommandTable } from "./command.ts";
import { expandNamedTargets, mayHaveName } from "./named_targets.ts";
import type { DefaultValue, OperatorConfig } from "./operator_config.ts";

/** Arguments with the values that a user's settings add. */
export interface WithSettings {
  readonly flags: Parsed["flags"];
  readonly positionals: Parsed["positionals"];
  /** Lines that tell which values came from the file. */
  readonly explained: readonly string[];
}

/** Adds the values of a user's settings to arguments. What was typed counts more. */
export function withSettings(
  { flags, positionals, given }: Parsed,
  config: OperatorConfig | undefined,
  { table, words }: {
    table: SubcommandTable;
    /** Words that lead to the subcommand. */
    words: readonly string[];
  },
): WithSettings {
  const { values, explained } = defaultsOf(config, { table, words, given });
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
    explained,
  };
}

function defaultsOf(
  config: OperatorConfig | undefined,
  { table, words, given }: {
    table: SubcommandTable;
    words: readonly string[];
    given: ReadonlySet<string>;
  },
): { values: Record<string, unknown>; explained: string[] } {
  const values: Record<string, unknown> = {};
  const explained: string[] = [];
  if (config === undefined) return { values, explained };
  const take = (
    name: string,
    { value, text }: DefaultValue,
    path: readonly string[],
  ) => {
    values[name] = value;
    const line = config.lineOf(path);
    explained.push(
      `--${name} ${text}: from ${config.path}${
        line === undefined ? "" : `, line ${line}`
      }`,
    );
  };
  const subcommand = words.join(" ");
  const own = config.defaults[subcommand] ?? {};
  if (
    config.color !== undefined && table.flags["color"]?.type === "choice" &&
    !given.has("color") && own["color"] === undefined
  ) take("color", { value: config.color, text: config.color }, ["color"]);
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || given.has(name)) continue;
    take(name, value, ["defaults", subcommand, name]);
  }
  return { values, explained };
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
