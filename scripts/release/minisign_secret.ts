import { decodeBase64 } from "@std/encoding/base64";
import { PiriError } from "../../lib/base/errors.ts";
import { SigningKey, signingKeyOf } from "../../lib/base/signing_key.ts";

/** Bytes of a secret key: three marks, salt and limits of its passphrase, number, seed, public key and check sum. */
const SECRET_BYTES = 2 + 2 + 2 + 32 + 8 + 8 + 8 + 32 + 32 + 32;

/** Secret key of minisign. */
export interface MinisignSecret {
  /** Number of the key, 8 bytes. */
  readonly id: Uint8Array;
  readonly key: SigningKey;
}

/**
 * Reads a secret key file of minisign that has no passphrase. Those with one are left to minisign itself: scrypt as it
 * uses it wants 1 GiB, which the runtime refuses.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it has a passphrase, CORRUPT if it cannot be read
 */
export function readMinisignSecret(text: string): MinisignSecret {
  const bytes = decoded(text.trimEnd().split("\n").at(-1) ?? "");
  if (bytes?.length !== SECRET_BYTES || mark(bytes, 0) !== "Ed") {
    throw corrupt("it is no secret key of minisign");
  }
  if (mark(bytes, 2) !== "\0\0") {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot read the key to sign with: it has a passphrase. Take that away by "minisign -C -W", or sign with minisign itself',
    );
  }
  const id = bytes.slice(54, 62);
  const key = new SigningKey(signingKeyOf(bytes.slice(62, 94)));
  if (key.publicKey.some((byte, at) => byte !== bytes[94 + at])) {
    throw corrupt("its public key does not belong to it");
  }
  return { id, key };
}

function mark(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, at + 2));
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return decodeBase64(text);
  } catch {
    return undefined;
  }
}

function corrupt(reason: string): PiriError {
  return new PiriError(
    "CORRUPT",
    `Cannot read the key to sign with: ${reason}`,
  );
}
