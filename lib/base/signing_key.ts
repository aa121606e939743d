import { Buffer } from "node:buffer";
import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { PiriError } from "./errors.ts";
import { decodePem, encodePem } from "./pem.ts";
import type { Random } from "./random.ts";
import { sha256 } from "./sha256.ts";

/** Bytes of a public key of Ed25519. */
export const PUBLIC_KEY_BYTES = 32;

/** Bytes of a signature of Ed25519. */
const SIGNATURE_BYTES = 64;

/** Bytes before the 32 of a private key, in PKCS#8 (RFC 8410). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** Bytes before the 32 of a public key, in SubjectPublicKeyInfo (RFC 8410). */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** Private key of Ed25519: its owner signs with it. */
export class SigningKey {
  /** The public key that belongs to it, 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly #key: KeyObject;

  /**
   * Reads a key in PKCS#8 PEM.
   *
   * @throws {PiriError} CORRUPT
   */
  constructor(pem: string) {
    const der = decodePem("PRIVATE KEY", pem);
    if (
      der.length !== PKCS8_HEAD.length + PUBLIC_KEY_BYTES ||
      PKCS8_HEAD.compare(der, 0, PKCS8_HEAD.length) !== 0
    ) {
      throw new PiriError("CORRUPT", "Cannot read a key: it is not an Ed25519");
    }
    this.#key = createPrivateKey({
      key: Buffer.from(der),
      format: "der",
      type: "pkcs8",
    });
    const { x } = createPublicKey(this.#key).export({ format: "jwk" });
    this.publicKey = new Uint8Array(Buffer.from(x ?? "", "base64url"));
  }

  /** Signs bytes: 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    return new Uint8Array(sign(null, bytes, this.#key));
  }
}

/** Makes a new private key of Ed25519, PKCS#8 PEM. */
export function newSigningKey(random: Random): string {
  return signingKeyOf(random.bytes(PUBLIC_KEY_BYTES));
}

/** PKCS#8 PEM of the private key of Ed25519 with these 32 bytes. */
export function signingKeyOf(bytes: Uint8Array): string {
  return encodePem(
    "PRIVATE KEY",
    new Uint8Array(Buffer.concat([PKCS8_HEAD, bytes])),
  );
}

/** True if the owner of this public key signed these bytes. A key or signature that is none counts as wrong. */
export function isSignedBy(
  publicKey: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (
    publicKey.length !== PUBLIC_KEY_BYTES ||
    signature.length !== SIGNATURE_BYTES
  ) return false;
  try {
    return verify(null, bytes, keyObjectOf(publicKey), signature);
  } catch {
    return false; // the bytes are no point of the curve
  }
}

/** SubjectPublicKeyInfo of the last key that a signature was checked with. */
const lastSpki = Buffer.concat([SPKI_HEAD, new Uint8Array(PUBLIC_KEY_BYTES)]);

/** Key object of `lastSpki`; undefined for none. An agent asks for its Manager's again and again. */
let lastKey: KeyObject | undefined;

/** Key object of a public key. Throws if its bytes are no point of the curve. */
function keyObjectOf(publicKey: Uint8Array): KeyObject {
  if (lastKey !== undefined && isLast(publicKey)) return lastKey;
  lastKey = undefined;
  lastSpki.set(publicKey, SPKI_HEAD.length);
  lastKey = createPublicKey({ key: lastSpki, format: "der", type: "spki" });
  return lastKey;
}

function isLast(publicKey: Uint8Array): boolean {
  return publicKey.every((byte, i) => byte === lastSpki[SPKI_HEAD.length + i]);
}

/** SHA-256 of the public key of a certificate, as SubjectPublicKeyInfo: the same for each certificate of one key. */
export function certifiedKeyHash(
  certificate: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const key = createPublicKey(encodePem("CERTIFICATE", certificate));
  const spki = key.export({ type: "spki", format: "der" });
  return sha256(spki);
}

/** Short form of a public key, for people: `SHA256:` and the hash in base64, as OpenSSH prints it. */
export function fingerprint(publicKey: Uint8Array): string {
  return hashFingerprint(sha256(publicKey));
}

/** Short form of a key by its SHA-256, for people. */
export function hashFingerprint(hash: Uint8Array): string {
  return `SHA256:${Buffer.from(hash).toString("base64").replace(/=+$/, "")}`;
}
