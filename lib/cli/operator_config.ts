import * as v from "valibot";
import { codeOf, PiriError } from "../base/errors.ts";
import { readFlag } from "./arguments.ts";
import type { Flag, Program, SubcommandTable } from "./command.ts";
import type { Terminal } from "./terminal.ts";
import { decodeExactly } from "./utf8.ts";

/** Value that a flag has if it is not typed. */
export interface DefaultValue {
  readonly value: unknown;
  /** The value as the file has it. */
  readonly text: string;
}

/** Settings of the person who calls a program, from a file in that person's home. */
export interface OperatorConfig {
  /** Path of the file. */
  readonly path: string;
  readonly color: string | undefined;
  /** Target expressions by their names. */
  readonly targets: Readonly<Record<string, string>>;
  /** Values of flags by the words of the subcommand, as "agent add". */
  readonly defaults: Readonly<
    Record<
      string,
      Readonly<Record<string, DefaultValue | undefined>> | undefined
    >
  >;
  /** Line of an entry, counted from 1. */
  lineOf(path: readonly string[]): number | undefined;
}

/** Path of the settings of this user; undefined for a user without a home. */
export function operatorConfigPath(
  terminal: Pick<Terminal, "env">,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  if (os === "windows") {
    const base = terminal.env("APPDATA");
    return base ? `${base}\\piri\\config.yaml` : undefined;
  }
  const config = terminal.env("XDG_CONFIG_HOME");
  // The XDG Base Directory Specification says that relative paths are ignored.
  if (config?.startsWith("/")) return `${config}/piri/config.yaml`;
  const home = terminal.env("HOME");
  return home?.startsWith("/") ? `${home}/.config/piri/config.yaml` : undefined;
}

/**
 * Reads the settings of this user; undefined if there are none, or PIRI_NO_CONFIG is set.
 *
 * @throws {PiriError} INVALID_ARGUMENT with file and line
 */
export async function loadOperatorConfig<Services>(
  program: Program<Services>,
  terminal: Terminal,
): Promise<OperatorConfig | undefined> {
  if ((terminal.env("PIRI_NO_CONFIG") ?? "") !== "") return undefined;
  const path = operatorConfigPath(terminal);
  if (path === undefined) return undefined;
  const text = await textOf(path, terminal);
  return text === undefined ? undefined : await parse(text, path, program);
}

async function textOf(
  path: string,
  terminal: Terminal,
): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await terminal.readFile(path);
  } catch (error) {
    // As for a service without rights to the home of its user.
    if (["NOT_FOUND", "DENIED"].includes(codeOf(error))) return undefined;
    throw error;
  }
  const text = decodeExactly(bytes);
  if (text !== undefined) return text;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read "${path}": it is not UTF-8 text`,
  );
}

async function parse<Services>(
  text: string,
  path: string,
  program: Program<Services>,
): Promise<OperatorConfig> {
  const { parseSettings, readBy } = await import("../base/settings.ts");
  const { parseYaml } = await import("../base/yaml.ts");
  const value = (name: string, flag: Flag) =>
    v.pipe(
      v.union(
        [v.string(), v.number(), v.boolean(), v.array(v.string())],
        "it should be text, a number, true, false, or a list of texts",
      ),
      v.transform((value) =>
        Array.isArray(value) ? value.join("\0") : String(value)
      ),
      readBy((text): DefaultValue => ({
        value: readFlag(name, flag, text.split("\0")),
        text: text.replaceAll("\0", " "),
      })),
    );
  const flagsOf = ({ flags }: SubcommandTable) =>
    v.strictObject(
      Object.fromEntries(
        Object.entries(flags).map(([name, flag]) => [
          name,
          v.optional(value(name, flag)),
        ]),
      ),
    );
  const tables = tablesOf(program);
  const settings = await parseSettings(
    text,
    path,
    v.strictObject({
      color: v.optional(
        v.picklist(
          ["auto", "always", "never"],
          "it should be auto, always or never",
        ),
      ),
      targets: v.optional(
        v.record(
          v.pipe(
            v.string(),
            v.regex(
              /^[A-Za-z0-9_.-]+$/,
              "a name has letters, digits, and _ . -",
            ),
          ),
          v.string("it should be a target expression in quotes"),
        ),
        {},
      ),
      defaults: v.optional(
        v.strictObject(
          Object.fromEntries(
            tables.map(([words, table]) => [
              words,
              v.optional(flagsOf(table)),
            ]),
          ),
        ),
        {},
      ),
    }),
  );
  const yaml = parseYaml(text, path, "INVALID_ARGUMENT");
  return {
    path,
    color: settings.color,
    targets: settings.targets,
    defaults: settings.defaults as OperatorConfig["defaults"],
    lineOf: (keys) => yaml.lineOf(keys),
  };
}

/** Subcommands that people call, by the words that lead to them. */
function tablesOf<Services>(
  { subcommands }: Program<Services>,
): [string, SubcommandTable][] {
  return subcommands.flatMap((entry): [string, SubcommandTable][] =>
    "subcommands" in entry
      ? [
        ...entry.itself === undefined
          ? []
          : [[entry.name, entry.itself] as [string, SubcommandTable]],
        ...entry.subcommands.map((
          table,
        ): [string, SubcommandTable] => [`${entry.name} ${table.name}`, table]),
      ]
      : entry.isInternal === true
      ? []
      : [[entry.name, entry]]
  );
}
