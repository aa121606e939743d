import { timingSafeEqual } from "node:crypto";
import { encodeBase64Url } from "@std/encoding/base64url";
import type { Random } from "./random.ts";
import { sha256 } from "./sha256.ts";

/** Form of a secret of this fleet: 256 bits in base64url. */
export const SECRET_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** Makes a new secret of 256 bits, in base64url. */
export function newSecret(random: Random): string {
  return encodeBase64Url(random.bytes(32));
}

/** SHA-256 of the text of a secret or join token. Only this hash is stored. */
export function hashSecret(secret: string): Uint8Array<ArrayBuffer> {
  return sha256(secret);
}

/** True if two hashes are equal. Takes the same time wherever they differ. */
export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
