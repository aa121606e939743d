import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import { isTooDeep } from "../base/json_depth.ts";
import { Limits } from "../base/limits.ts";
import { nearest } from "../base/nearest.ts";
import type { Operation } from "./operation.ts";

/** Parameter of an operation, described for people. */
export interface ParameterDescription {
  readonly name: string;
  /** Type of the parameter, as: string, number, list of string, map of string. */
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

/**
 * Reads an operation's parameters from JSON text. Empty text is an empty object.
 *
 * @throws {PiriError} INVALID_ARGUMENT, naming the parameter and what is wrong with it.
 */
export function checkParams<Schema extends v.GenericSchema>(
  operation: Operation<Schema>,
  json: string,
): v.InferOutput<Schema> {
  const refuse = (what: string, cause?: unknown) =>
    new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${operation.name}": ${what}`,
      { cause },
    );
  if (isTooDeep(json)) {
    throw refuse(
      `its parameters are nested deeper than ${Limits.jsonDepth}, which is the limit`,
    );
  }
  const value = parse(json === "" ? "{}" : json);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("its parameters are not a JSON object");
  }
  const names = describeParameters(operation).map(({ name }) => name);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const meant = nearest(unknown, names);
    const hint = names.length === 0
      ? ", it takes none"
      : meant === undefined
      ? ""
      : `, did you mean "${meant}"?`;
    throw refuse(`there is no parameter "${unknown}"${hint}`);
  }
  const result = v.safeParse(operation.parameters, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  if (path === null) throw refuse(issue.message);
  if (issue.received === "undefined") {
    throw refuse(`parameter "${path}" is missing`);
  }
  // Valibot says "Invalid type: Expected string but received 1"; our own messages begin with "Expected".
  const what = issue.message.replace(/^Invalid [a-z ]+: /, "");
  throw refuse(`parameter "${path}" is wrong: ${lowerFirst(what)}`);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Describes the parameters of an operation, in the order of its schema. */
export function describeParameters(
  { parameters }: Operation,
): ParameterDescription[] {
  return Object.entries(entriesOf(parameters)).map(([name, entry]) => ({
    name,
    type: typeName(entry),
    required: entry.type !== "optional",
    description: descriptionOf(entry),
  }));
}

// Valibot's schemas are plain objects, but the type GenericSchema shows only `type`.
type Part = v.GenericSchema & {
  readonly entries?: Record<string, Part>;
  readonly wrapped?: Part;
  readonly item?: Part;
  readonly value?: Part;
  readonly options?: readonly (string | Part)[];
};

function entriesOf(schema: v.GenericSchema): Record<string, Part> {
  return (schema as Part).entries ?? {};
}

function typeName(part: Part): string {
  switch (part.type) {
    case "optional":
      return part.wrapped ? typeName(part.wrapped) : "anything";
    case "array":
      return `list of ${part.item ? typeName(part.item) : "anything"}`;
    case "record":
      return `map of ${part.value ? typeName(part.value) : "anything"}`;
    case "picklist":
    case "union":
      return part.options?.map((option) =>
        typeof option === "string" ? option : typeName(option)
      ).join(" | ") ?? "anything";
    default:
      return part.type;
  }
}

function descriptionOf(part: Part): string {
  const own = v.getDescription(part);
  return own ?? (part.wrapped ? descriptionOf(part.wrapped) : "");
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
