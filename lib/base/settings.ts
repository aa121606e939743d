import * as v from "valibot";
import { PiriError } from "./errors.ts";
import {
  LOG_LEVELS,
  LOG_TARGETS,
  type LogLevel,
  type LogOptions,
} from "./log_options.ts";
import { didYouMean } from "./nearest.ts";
import { parseDuration, parseSize } from "./units.ts";

/**
 * Reads the text of a configuration file with a schema. Maps of the schema should be strict objects: an unknown key is
 * then an error that names the nearest known key.
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
  const name = nameOf(keys);
  if (Array.isArray(issue.path?.at(-1)?.input) && isUnknownKey(issue)) {
    return "it should be settings, as key: value, and is a list";
  }
  if (isUnknownKey(issue)) {
    const known = keysOf(schema, keys.slice(0, -1));
    const key = String(keys.at(-1));
    return `"${name}" is not a setting; ${
      didYouMean(key, known, `there are ${known.join(", ")}`)
    }`;
  }
  if (keys.length === 0) return "it should be settings, as key: value";
  if (issue.expected !== null && issue.received === "undefined") {
    return `"${name}" is missing`;
  }
  return `"${name}" is wrong: ${issue.message}`;
}

/** Name of a setting for people, who count the entries of a list from 1. */
function nameOf(keys: readonly (string | number)[]): string {
  return keys.map((key, index) =>
    typeof key === "number" ? ` ${key + 1}` : `${index > 0 ? "." : ""}${key}`
  ).join("");
}

function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === "strict_object" && issue.expected === "never";
}

/** Keys that the schema knows at a path. Looks through wrappers such as optional(). */
function keysOf(
  schema: v.GenericSchema,
  path: readonly (string | number)[],
): string[] {
  let at: unknown = schema;
  for (const key of path) {
    at = typeof key === "number" ? itemOf(at) : entriesOf(at)[key];
  }
  return Object.keys(entriesOf(at));
}

function entriesOf(schema: unknown): Record<string, unknown> {
  if (typeof schema !== "object" || schema === null) return {};
  if ("wrapped" in schema) return entriesOf(schema.wrapped);
  if ("item" in schema) return entriesOf(schema.item);
  if (!("entries" in schema)) return {};
  return { ...schema.entries as Record<string, unknown> };
}

/** Schema of the entries of a list. */
function itemOf(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return undefined;
  if ("wrapped" in schema) return itemOf(schema.wrapped);
  return "item" in schema ? schema.item : undefined;
}

/** Schema for text that a function reads. The reason of a thrown error becomes the message. */
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

/** Schema of a program's log settings: level and format, each with a default, and the target. */
export const LogSetting: v.GenericSchema<
  {
    level?: LogLevel | undefined;
    format?: LogOptions["format"] | undefined;
    target?: LogOptions["target"];
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
  target: v.optional(
    v.picklist(LOG_TARGETS, `it should be one of ${LOG_TARGETS.join(", ")}`),
  ),
});

/** Schema of a duration in milliseconds, written as 15s or 30d, or as a plain number of `unitMs` each. */
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

/** Schema of a size in bytes, written as 64MiB or as a plain number. */
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

/** Reason of a PiriError, without the attempt. */
function reasonOf(error: unknown): string {
  if (!(error instanceof PiriError)) throw error;
  return error.message.replace(/^Cannot .*?: /, "");
}
