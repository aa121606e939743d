import { PiriError } from "../errors.ts";

/** Shortest secret, in bytes: to mask a shorter one would mask everything. */
export const MIN_SECRET_BYTES = 6;

/** Longest secret, in bytes. */
export const MAX_SECRET_BYTES = 32_768;

/** Begin of the name of a secret that is not stored: the operator gave it with the request. No stored one has a colon. */
const GIVEN = "given:";

/** Name of a secret that comes with the request. */
export function givenName(place: string): string {
  return GIVEN + place;
}

/** True for the name of a secret that comes with the request. */
export function isGiven(name: string): boolean {
  return name.startsWith(GIVEN);
}

/**
 * Checks the size of a secret.
 *
 * @throws {PiriError} INVALID_ARGUMENT, never with a part of the secret
 */
export function checkSecret(text: string, what: string): void {
  const size = new TextEncoder().encode(text).length;
  const wrong = !text.isWellFormed()
    ? "it is no Unicode text"
    : size < MIN_SECRET_BYTES
    ? `it has ${size} bytes, and the least is ${MIN_SECRET_BYTES}, as a shorter one cannot be masked in output`
    : size > MAX_SECRET_BYTES
    ? `it has ${size} bytes, and the limit is ${MAX_SECRET_BYTES}`
    : undefined;
  if (wrong === undefined) return;
  throw new PiriError("INVALID_ARGUMENT", `Cannot take ${what}: ${wrong}`);
}
