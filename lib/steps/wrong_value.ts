import { PiriError } from "../base/errors.ts";

/** Longest part of a value that an error shows, in characters. */
const SHOWN = 100;

/** Place of a value: a parameter, and the number of an item in its list or a key of its map. */
export type ValuePlace = readonly [parameter: string, item?: number | string];

/** Error of a value that no host takes: the compiler tells it with its line, and a host before it looks at anything. */
export class WrongValue extends PiriError {
  /**
   * Makes an error.
   *
   * @param at Place of the value
   * @param why Flaw of the value, with what to write in its place
   */
  constructor(readonly at: ValuePlace, readonly why: string) {
    super("INVALID_ARGUMENT", `Cannot use "${at[0]}": ${why}`);
  }
}

/** Value in quotes, on one line and not too long. */
export function quoted(value: string): string {
  const start = value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value;
  return /\p{C}/u.test(start) ? JSON.stringify(start) : `"${start}"`;
}

/** Refuses an empty text where a name should be. */
export function requireFilled(
  params: Readonly<Record<string, unknown>>,
  names: readonly string[],
): void {
  for (const name of names) {
    if (params[name] !== "") continue;
    throw new WrongValue(
      [name],
      "it is empty; leave it out, or give it a name",
    );
  }
}
