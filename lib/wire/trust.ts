import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import { fieldsHash, sha256 } from "../base/sha256.ts";
import {
  certifiedKeyHash,
  isSignedBy,
  PUBLIC_KEY_BYTES,
  type SigningKey,
} from "../base/signing_key.ts";

/** First field of what is signed: its kind, and its edition. */
const LABEL = "piri trust 1";

/** Most keys of each kind that an agent trusts at the same time. */
export const MAX_TRUSTED = 4;

/** Keys that agents of a Manager trust. */
export interface TrustStatement {
  /** Grows with each statement of a Manager: an older one is not taken. */
  readonly number: number;
  /** Certificates of authorities, DER. */
  readonly authorities: readonly Uint8Array<ArrayBuffer>[];
  /** Public keys of Managers. */
  readonly managerKeys: readonly Uint8Array<ArrayBuffer>[];
}

/** A statement as it is sent: parameters of the operation agent.Trust. */
export interface SignedStatement {
  /** JSON, as it was signed. */
  readonly statement: string;
  /** Base64 of the signature. */
  readonly signature: string;
}

const Bytes = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9+/]+=*$/),
  v.transform((text) => decodeBase64(text)),
);

const Statement = v.object({
  number: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  authorities: v.pipe(
    v.array(Bytes),
    v.minLength(1),
    v.maxLength(MAX_TRUSTED),
  ),
  managerKeys: v.pipe(
    v.array(
      v.pipe(Bytes, v.check(({ length }) => length === PUBLIC_KEY_BYTES)),
    ),
    v.minLength(1),
    v.maxLength(MAX_TRUSTED),
  ),
});

/** Signs a statement by the key that agents know. */
export function signStatement(
  { number, authorities, managerKeys }: TrustStatement,
  key: SigningKey,
): SignedStatement {
  const statement = JSON.stringify({
    number,
    authorities: authorities.map((each) => encodeBase64(each)),
    managerKeys: managerKeys.map((each) => encodeBase64(each)),
  });
  return { statement, signature: encodeBase64(key.sign(hashOf(statement))) };
}

/**
 * Reads a statement.
 *
 * @param known Keys of the Manager that are trusted so far.
 * @throws {PiriError} DENIED if none of them has signed it; INVALID_ARGUMENT if it cannot be read
 */
export function readStatement(
  { statement, signature }: SignedStatement,
  known: readonly Uint8Array[],
): TrustStatement {
  const signed = bytesOf(signature);
  const hash = hashOf(statement);
  if (!known.some((key) => isSignedBy(key, hash, signed))) {
    throw new PiriError(
      "DENIED",
      "Cannot trust other keys: no key that this agent trusts has signed them",
    );
  }
  try {
    const read = v.parse(Statement, JSON.parse(statement));
    read.authorities.forEach(certifiedKeyHash);
    return read;
  } catch (cause) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot trust other keys: the statement cannot be read",
      { cause },
    );
  }
}

/** SHA-256 of each key of a statement, as hellos tell them. */
export function trustHashes(
  { authorities, managerKeys }: Omit<TrustStatement, "number">,
): Uint8Array<ArrayBuffer>[] {
  return [
    ...authorities.map(certifiedKeyHash),
    ...managerKeys.map((key) => sha256(key)),
  ];
}

function hashOf(statement: string): Uint8Array<ArrayBuffer> {
  return fieldsHash([LABEL, statement]);
}

function bytesOf(base64: string): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch {
    return new Uint8Array();
  }
}
