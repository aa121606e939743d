import { sha256 } from "./sha256.ts";

/** Version of statements. Another form or meaning needs another number. */
export const STATEMENT_VERSION = 1;

/** Work on agents, as far as it matters to those who approve of it. */
export interface StatedWork {
  /** Names of the agents, in any order. */
  readonly names: readonly string[];
  /** Name of the operation. */
  readonly operation: string;
  /** JSON object of its parameters. */
  readonly params: string;
  /** Names of the secrets that the parameters name, in any order. */
  readonly secrets: readonly string[];
  /** Times and numbers that bound it. What is absent is undefined or missing. */
  readonly limits: Readonly<Record<string, unknown>>;
}

/** Work on agents in the one form that people approve and keys sign. */
export interface Statement {
  readonly version: typeof STATEMENT_VERSION;
  /** Names of the agents, sorted. */
  readonly names: readonly string[];
  readonly operation: string;
  /** Parameters as an object. */
  readonly params: unknown;
  /** Names of the secrets, sorted. */
  readonly secrets: readonly string[];
  readonly limits: Readonly<Record<string, unknown>>;
}

/** Statement of some work. */
export function statementOf(
  { names, operation, params, secrets, limits }: StatedWork,
): Statement {
  return {
    version: STATEMENT_VERSION,
    names: names.toSorted(byCodeUnits),
    operation,
    params: JSON.parse(params),
    secrets: secrets.toSorted(byCodeUnits),
    limits,
  };
}

/** SHA-256 of a value as canonical JSON. */
export function canonicalHash(value: unknown): Uint8Array<ArrayBuffer> {
  return sha256(canonicalJson(value));
}

/**
 * JSON in the one form of RFC 8785 (JSON Canonicalization Scheme): no spaces, keys sorted by their UTF-16 code units,
 * numbers and texts as ECMAScript writes them. Undefined fields are left out.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map((each) => canonicalJson(each ?? null)).join(",")}]`;
  }
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(value);
  }
  // A key such as "10" would come before others in an object, so the text is made of sorted pairs.
  const pairs = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .toSorted(([one], [other]) => byCodeUnits(one, other))
    .map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`);
  return `{${pairs.join(",")}}`;
}

/** Order of texts by their UTF-16 code units, whatever the language. */
function byCodeUnits(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
