import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { createHash } from "node:crypto";
import { PiriError } from "./errors.ts";
import {
  isSignedBy,
  PUBLIC_KEY_BYTES,
  type SigningKey,
} from "./signing_key.ts";

const SIGNATURE_BYTES = 64;
const KEY_ID_BYTES = 8;

/** Signature over the BLAKE2b-512 of a file. */
const HASHED = "ED";
/** The same key's own mark; also that of signatures over the file itself, which are no longer made. */
const PLAIN = "Ed";

const TRUSTED = "trusted comment: ";

/** Public key of minisign. */
export interface MinisignKey {
  /** Number that signatures name their key by, 8 bytes. */
  readonly id: Uint8Array;
  /** Public key of Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/**
 * Reads a public key of minisign: the line of base64, with or without its comment.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function readMinisignKey(text: string): MinisignKey {
  const bytes = decoded(text.trimEnd().split("\n").at(-1) ?? "");
  if (bytes?.length !== 42 || mark(bytes) !== PLAIN) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot read a public key of minisign: it has one line that begins with "RW"',
    );
  }
  return { id: bytes.slice(2, 10), publicKey: bytes.slice(10) };
}

/**
 * Checks a file against its `.minisig` and returns the trusted comment, which is signed, too. One of the keys must have
 * signed it.
 *
 * @throws {PiriError} CORRUPT if the signature cannot be read, AUTH_FAILED if it is by none of the keys, or not of
 * this file
 */
export function verifyMinisign(
  file: Uint8Array,
  signature: string,
  keys: readonly MinisignKey[],
): string {
  const { id, bytes, comment, global } = readSignature(signature);
  const key = keys.find((each) => sameBytes(each.id, id));
  if (key === undefined) {
    throw new PiriError(
      "AUTH_FAILED",
      `Cannot trust the file: it is signed by the key ${
        keyName(id)
      }, which is not one of ours`,
    );
  }
  const { publicKey } = key;
  if (!isSignedBy(publicKey, blake2b(file), bytes)) {
    throw new PiriError(
      "AUTH_FAILED",
      "Cannot trust the file: its signature is that of another file",
    );
  }
  if (!isSignedBy(publicKey, withComment(bytes, comment), global)) {
    throw new PiriError(
      "AUTH_FAILED",
      "Cannot trust the file: the comment of its signature was changed",
    );
  }
  return comment;
}

/** Signs a file: the text of its `.minisig`. The trusted comment is one line. */
export function signMinisign(
  file: Uint8Array,
  { id, key, comment }: {
    readonly id: Uint8Array;
    readonly key: SigningKey;
    readonly comment: string;
  },
): string {
  const bytes = key.sign(blake2b(file));
  const global = key.sign(withComment(bytes, comment));
  const named = new Uint8Array(2 + KEY_ID_BYTES + SIGNATURE_BYTES);
  named.set(new TextEncoder().encode(HASHED));
  named.set(id, 2);
  named.set(bytes, 2 + KEY_ID_BYTES);
  return [
    "untrusted comment: signature from a key of minisign",
    encodeBase64(named),
    `${TRUSTED}${comment}`,
    encodeBase64(global),
    "",
  ].join("\n");
}

/** Text of a public key file of minisign. */
export function minisignKeyText({ id, publicKey }: MinisignKey): string {
  const bytes = new Uint8Array(2 + KEY_ID_BYTES + PUBLIC_KEY_BYTES);
  bytes.set(new TextEncoder().encode(PLAIN));
  bytes.set(id, 2);
  bytes.set(publicKey, 2 + KEY_ID_BYTES);
  return `untrusted comment: minisign public key ${keyName(id)}\n${
    encodeBase64(bytes)
  }\n`;
}

/** Parts of a `.minisig`. */
interface Signature {
  readonly id: Uint8Array;
  /** Signature of the file. */
  readonly bytes: Uint8Array;
  readonly comment: string;
  /** Signature of the signature and the comment. */
  readonly global: Uint8Array;
}

function readSignature(text: string): Signature {
  const [, first = "", trusted = "", last = "", ...rest] = text
    .trimEnd().split(/\r?\n/);
  const named = decoded(first);
  const global = decoded(last);
  if (
    named?.length !== 2 + KEY_ID_BYTES + SIGNATURE_BYTES ||
    mark(named) !== HASHED || global?.length !== SIGNATURE_BYTES ||
    !trusted.startsWith(TRUSTED) || rest.length > 0
  ) {
    throw new PiriError(
      "CORRUPT",
      "Cannot read the signature: it is no hashed one of minisign",
    );
  }
  return {
    id: named.slice(2, 2 + KEY_ID_BYTES),
    bytes: named.slice(2 + KEY_ID_BYTES),
    comment: trusted.slice(TRUSTED.length),
    global,
  };
}

/** Name of a key as minisign prints it: a number, its lowest byte first. */
function keyName(id: Uint8Array): string {
  return id.toReversed().toHex().toUpperCase();
}

function withComment(signature: Uint8Array, comment: string): Uint8Array {
  const text = new TextEncoder().encode(comment);
  const both = new Uint8Array(signature.length + text.length);
  both.set(signature);
  both.set(text, signature.length);
  return both;
}

function blake2b(file: Uint8Array): Uint8Array {
  return createHash("blake2b512").update(file).digest();
}

function mark(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 2));
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, at) => byte === other[at]);
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return decodeBase64(text);
  } catch {
    return undefined;
  }
}
