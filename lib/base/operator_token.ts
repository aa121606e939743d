import { crc32 } from "node:zlib";
import { PiriError } from "./errors.ts";
import type { Random } from "./random.ts";
import { newSecret, SECRET_PATTERN } from "./secret.ts";

/** Begin of a token: of an operator, or of a job of a CI. */
export type TokenPrefix = "piri_op_" | "piri_ci_";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const CHECKSUM_LENGTH = 6;

const TOKEN = /^piri_(?:op|ci)_(.*)$/s;

/** Makes a token: prefix, 256 random bits in base64url, and a checksum by which a scanner of leaks knows it. */
export function newToken(prefix: TokenPrefix, random: Random): string {
  const text = prefix + newSecret(random);
  return text + checksumOf(text);
}

/**
 * Refuses a token that was mistyped or cut short, before it is sent anywhere. One of a version before checksums passes,
 * as does what is no token of this kind. The message does not repeat it.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkToken(token: string): void {
  const secret = TOKEN.exec(token)?.[1];
  if (secret === undefined || SECRET_PATTERN.test(secret)) return;
  const text = token.slice(0, -CHECKSUM_LENGTH);
  if (checksumOf(text) === token.slice(-CHECKSUM_LENGTH)) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot use the token: its checksum is wrong, so it was mistyped or cut short",
  );
}

/** CRC-32 in base62, as tokens of GitHub have it. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = DIGITS.charAt(rest % DIGITS.length) + digits;
    rest = Math.trunc(rest / DIGITS.length);
  }
  return digits;
}
