import { createHash, timingSafeEqual } from "node:crypto";
import { encodeBase64Url } from "@std/encoding/base64url";
import type { Random } from "./random.ts";

/** How a secret of this fleet looks: 256 bits in base64url. */
export const SECRET_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** A new secret of 256 bits, in base64url. */
export function newSecret(random: Random): string {
  return encodeBase64Url(random.bytes(32));
}

/** What is kept of a secret or a join token: the SHA-256 of its text. */
export function hashSecret(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(secret).digest());
}

/** Whether two hashes are the same, in a time that does not tell where they differ. */
export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
