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
  const text = JSON.stringify(rows.map((row) => row.map(jsonValue)));
  return LOSSY.test(text) ? undefined : text;
}

function jsonValue(value: SqlValue): string | number | null {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Uint8Array ? value.toHex() : value;
}
