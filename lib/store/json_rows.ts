import type { SqlValue } from "./database.ts";

/** Text that SQLite does not read from JSON as it was: it ends at a NUL, and half a surrogate pair is none. */
const LOSSY = /\\u(?:0000|d[89a-f])/;

/**
 * Rows as one JSON text, for a statement with json_each: one statement for all of them costs a third of one for each.
 * Whole numbers of 64 bits become text, to be CAST to INTEGER; bytes become hexadecimal digits, to be read by unhex.
 *
 * Undefined if a text would not arrive as it is: then each row needs a statement of its own.
 */
export function jsonRows(
  rows: readonly (readonly SqlValue[])[],
): string | undefined {
  const text = JSON.stringify(rows, jsonValue);
  return LOSSY.test(text) ? undefined : text;
}

/** Text that tells a row from every other one of its columns. */
export function rowKey(row: readonly SqlValue[]): string {
  return JSON.stringify(row, jsonValue);
}

function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Uint8Array ? value.toHex() : value;
}
