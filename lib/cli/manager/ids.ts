import { PiriError } from "../../base/errors.ts";

/** The largest id: ids are signed 64-bit numbers. */
const MAX_ID = 2n ** 63n - 1n;

/**
 * Reads a command's id.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseId(text: string): bigint {
  const id = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (id >= 1n && id <= MAX_ID) return id;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the id "${text}": it is not a whole number from 1 to ${MAX_ID}`,
  );
}

/** Most ids that a message names. */
const MAX_NAMED = 10;

/** Ids for people: "command 12" or "commands 12 13". */
export function commandsText(ids: readonly bigint[]): string {
  const named = ids.slice(0, MAX_NAMED).join(" ");
  const others = ids.length - MAX_NAMED;
  return `${ids.length === 1 ? "command" : "commands"} ${named}${
    others > 0 ? ` and ${others} more` : ""
  }`;
}

/** Note that a legacy agent was sent a cancel and does not confirm it. */
export function unconfirmedText(id: bigint): string {
  return `cancel of command ${id}: it was sent, but legacy agents do not confirm a cancel`;
}

/** Command line that watches these commands. */
export function watchLine(ids: readonly bigint[]): string {
  return `piri-manager watch ${ids.join(" ")}`;
}

/** Command lines for commands that nobody waits for any longer. */
export function nextLine(ids: readonly bigint[]): string {
  const each = ids.length === 1 ? ids[0] : "ID";
  return `${
    watchLine(ids)
  }, or piri-manager cancel ${each}, or piri-manager give-up ${each}`;
}

/**
 * The value of an answer, which the API declares as one that may be absent.
 *
 * @throws {PiriError} INTERNAL if the Manager gave none
 */
export function answered<Value>(
  value: Value | undefined,
  attempt: string,
): Value {
  if (value !== undefined) return value;
  throw new PiriError(
    "INTERNAL",
    `Cannot ${attempt}: the Manager's answer is empty`,
  );
}
