import type { WriteFailure } from "../manager/api/operator_api.ts";

/** Milliseconds as a 64-bit integer. */
export function milliseconds(ms: number): bigint {
  // A clock may give fractions, which BigInt() refuses.
  return BigInt(Math.trunc(ms));
}

/** A time under its field's name, or no field: absent is not 0. */
export function timestamp<Field extends string>(
  field: Field,
  ms: number | null,
): { [field in Field]?: bigint } {
  return optional(field, ms === null ? null : milliseconds(ms));
}

/** A value under its field's name, or no field. */
export function optional<Field extends string, Value>(
  field: Field,
  value: Value | null,
): { [field in Field]?: Value } {
  const message: { [field in Field]?: Value } = {};
  if (value !== null) message[field] = value;
  return message;
}

/** A failure to write the database as fields of a message. */
export function writeFailureMessage(
  { since, lastAt, reason }: WriteFailure,
): { sinceMs: bigint; lastMs: bigint; reason: string } {
  return {
    sinceMs: milliseconds(since),
    lastMs: milliseconds(lastAt),
    reason,
  };
}

/** The field of a failure to write the database, or no field. */
export function writeFailureField(
  failure: WriteFailure | undefined,
): { writeFailure?: ReturnType<typeof writeFailureMessage> } {
  return failure === undefined
    ? {}
    : { writeFailure: writeFailureMessage(failure) };
}
