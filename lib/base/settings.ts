import { closestString } from "@std/text/closest-string";
import * as v from "valibot";
import { PiriError } from "./errors.ts";
import { LOG_LEVELS, type LogLevel, type LogOptions } from "./log.ts";
import { parseDuration, parseSize } from "./units.ts";

/**
 * Reads a configuration file's text as the schema says. Its maps should be strict objects: an unknown key is then an
 * error that names the nearest known one.
 *
 * @throws {PiriError} INVALID_ARGUMENT with file and line
 */
export async function parseSettings<Schema extends v.GenericSchema>(
  text: string,
  path: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const { parseYaml } = await import("./yaml.ts");
  const yaml = parseYaml(text, path, "INVALID_ARGUMENT");
  const result = v.safeParse(schema, yaml.value ?? {});
  if (result.success) return result.output;
  // A mistyped key is often why another one is missing.
  const issue = result.issues.find(isUnknownKey) ?? result.issues[0];
  const keys = (issue.path ?? []).map(({ key }) =>
    typeof key === "number" ? key : String(key)
  );
  const line = yaml.lineOf(keys) ??
    (keys.length > 1 ? yaml.lineOf(keys.slice(0, -1)) : undefined);
  const where = line === undefined ? "" : `line ${line}: `;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read "${path}": ${where}${explain(issue, keys, schema)}`,
  );
}

function explain(
  issue: v.BaseIssue<unknown>,
  keys: readonly (string | number)[],
  schema: v.GenericSchema,
): string {
  const name = keys.join(".");
  if (Array.isArray(issue.path?.at(-1)?.input) && isUnknownKey(issue)) {
    return "it should be settings, as key: value, and is a list";
  }
  if (isUnknownKey(issue)) {
    const known = keysOf(schema, keys.slice(0, -1));
    const nearest = closestString(String(keys.at(-1)), known);
    return `"${name}" is not a setting; did you mean "${nearest}"?`;
  }
  if (keys.length === 0) return "it should be settings, as key: value";
  if (issue.expected !== null && issue.received === "undefined") {
    return `"${name}" is missing`;
  }
  return `"${name}" is wrong: ${issue.message}`;
}

function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === "strict_object" && issue.expected === "never";
}

/** The keys that the schema knows at a path. Wrappers as optional() are looked through. */
function keysOf(
  schema: v.GenericSchema,
  path: readonly (string | number)[],
): string[] {
  let entries = entriesOf(schema);
  for (const key of path) entries = entriesOf(entries[String(key)]);
  return Object.keys(entries);
}

function entriesOf(schema: unknown): Record<string, unknown> {
  if (typeof schema !== "object" || schema === null) return {};
  if ("wrapped" in schema) return entriesOf(schema.wrapped);
  if (!("entries" in schema)) return {};
  return { ...schema.entries as Record<string, unknown> };
}

/** Text that is read by a function; the reason that it throws becomes the message. */
export function readBy<Output>(
  parse: (text: string) => Output,
): v.GenericSchema<string, Output> {
  return v.pipe(
    v.string("it should be text in quotes"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value);
      } catch (error) {
        addIssue({ message: reasonOf(error) });
        return NEVER;
      }
    }),
  );
}

/** How a program logs: level and format, each with a default. */
export const LogSetting: v.GenericSchema<
  {
    level?: LogLevel | undefined;
    format?: LogOptions["format"] | undefined;
  },
  LogOptions
> = v.strictObject({
  level: v.optional(
    v.picklist(LOG_LEVELS, `it should be one of ${LOG_LEVELS.join(", ")}`),
    "info",
  ),
  format: v.optional(
    v.picklist(["text", "json"], "it should be text or json"),
    "text",
  ),
});

/** A duration as 15s or 30d, or a plain number of `unitMs` each; in milliseconds. */
export function durationSetting(
  unitMs: number,
  { least, most }: { least: string; most: string },
): v.GenericSchema<string | number, number> {
  return bounded(
    (value) =>
      typeof value === "number" ? value * unitMs : parseDuration(value),
    {
      least: parseDuration(least),
      most: parseDuration(most),
      message: `it should be from ${least} to ${most}`,
    },
  );
}

/** A size as 64MiB or a plain number of bytes; in bytes. */
export function sizeSetting(
  { least, most }: { least: string; most: string },
): v.GenericSchema<string | number, number> {
  return bounded(
    (value) => typeof value === "number" ? value : parseSize(value),
    {
      least: parseSize(least),
      most: parseSize(most),
      message: `it should be from ${least} to ${most}`,
    },
  );
}

function bounded(
  parse: (value: string | number) => number,
  { least, most, message }: { least: number; most: number; message: string },
): v.GenericSchema<string | number, number> {
  return v.pipe(
    v.union([v.string(), v.number()], "it should be a number or text"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value);
      } catch (error) {
        addIssue({ message: reasonOf(error) });
        return NEVER;
      }
    }),
    v.check((value) => value >= least && value <= most, message),
  );
}

/** The reason of a PiriError, without what was attempted. */
function reasonOf(error: unknown): string {
  if (!(error instanceof PiriError)) throw error;
  return error.message.replace(/^Cannot .*?: /, "");
}
