import { SHA256_PATTERN } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";

/** Longest request_id, requested_by and name of an operation, in characters. */
export const MAX_TEXT = 100;

/** Most agents of a Run, and commands of a Watch. */
export const MAX_ITEMS = 10_000;

/** Longest life of a token, in milliseconds: ten years. */
export const MAX_EXPIRES_MS = 315_360_000_000;

/** Makes the error for an invalid field. */
export function invalid(field: string, reason: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot accept "${field}": ${reason}`,
  );
}

/** Checks a text that must not be empty. */
export function requireText(field: string, text: string): string {
  if (text === "") throw invalid(field, "it is empty");
  return limitText(field, text);
}

/** Checks a text that may be empty. */
export function limitText(field: string, text: string): string {
  if (text.length > MAX_TEXT) {
    throw invalid(
      field,
      `it has ${text.length} characters, and the limit is ${MAX_TEXT}`,
    );
  }
  return text;
}

/** Name that the client of a request gives itself. */
export function saidIn(request: { readonly requestedBy: string }): string {
  return limitText("requested_by", request.requestedBy);
}

/** Checks a list: at least one item, at most MAX_ITEMS. */
export function requireItems<T>(field: string, items: readonly T[]): T[] {
  if (items.length === 0) throw invalid(field, "it is empty");
  if (items.length > MAX_ITEMS) {
    throw invalid(
      field,
      `it has ${items.length} items, and the limit is ${MAX_ITEMS}`,
    );
  }
  return [...items];
}

/** Checks a number against a range that includes its ends. */
export function requireRange(
  field: string,
  value: number,
  { least, most }: { least: number; most: number },
): number {
  if (value < least || value > most) {
    throw invalid(field, `${value} is not from ${least} to ${most}`);
  }
  return value;
}

/** Checks a command's id: above 0. */
export function requireId(field: string, id: bigint): bigint {
  if (id <= 0n) throw invalid(field, `${id} is not an id`);
  return id;
}

/** Checks the life of a token, if there is one. */
export function requireExpiry(
  expiresInMs: bigint | undefined,
): number | undefined {
  if (expiresInMs === undefined) return undefined;
  return requireRange("expires_in_ms", Number(expiresInMs), {
    least: 1,
    most: MAX_EXPIRES_MS,
  });
}

/** Checks a SHA-256, if there is one. */
export function checkHash(
  field: string,
  hash: Uint8Array | undefined,
): Uint8Array | undefined {
  if (hash === undefined || hash.length === 32) return hash;
  throw invalid(field, `it has ${hash.length} bytes, and a SHA-256 has 32`);
}

/** Checks a SHA-256 in hex digits. */
export function checkHexHash(field: string, hash: string): string {
  if (SHA256_PATTERN.test(hash)) return hash;
  throw invalid(field, "it is no SHA-256 in 64 hex digits");
}

/** Checks the text of a JSON object. Empty text stands for an empty object. */
export function requireJsonObject(field: string, text: string): string {
  if (text === "") return "{}";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot accept "${field}": it is not JSON`,
      { cause: error },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(field, "it is not a JSON object");
  }
  return text;
}
