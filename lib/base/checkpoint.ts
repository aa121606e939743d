import { fieldsHash } from "./sha256.ts";
import {
  isSignedBy,
  PUBLIC_KEY_BYTES,
  type SigningKey,
} from "./signing_key.ts";

/** Bytes of a hash of the audit. */
const HASH_BYTES = 32;

/** Latest time that a date can have, in milliseconds since 1970. */
const MAX_TIME = 8.64e15;

/** First field of what is signed: what it says, and in which edition. */
const LABELS = {
  checkpoint: "piri audit checkpoint 1",
  stub: "piri audit stub 1",
} as const;

/** Meaning of a signature: the audit has these entries, or the owner of the Manager deleted them. */
export type CheckpointKind = keyof typeof LABELS;

/** State of the audit at a time, signed by the Manager's key. */
export interface Checkpoint {
  /** Number of entries: the id of the newest one. */
  readonly count: bigint;
  /** Hash of that entry, which covers all before it. */
  readonly hash: Uint8Array;
  /** Time of the signature, in milliseconds since 1970, by the Manager's clock. */
  readonly at: number;
  /** Public key of the Manager that signed it. A Manager may have had others before. */
  readonly key: Uint8Array;
  /** Signature by that key. */
  readonly signature: Uint8Array;
}

/** Signs the state of the audit of a Manager. */
export function signCheckpoint(
  { count, hash, at }: Pick<Checkpoint, "count" | "hash" | "at">,
  { kind, managerId, key }: {
    readonly kind: CheckpointKind;
    readonly managerId: string;
    readonly key: SigningKey;
  },
): Checkpoint {
  const facts = { count, hash, at: Math.trunc(at), key: key.publicKey };
  return {
    ...facts,
    signature: key.sign(signedHash(facts, { kind, managerId })),
  };
}

/** True if the key that a checkpoint names has signed it, for this Manager. */
export function isCheckpointSigned(
  checkpoint: Checkpoint,
  of: { readonly kind: CheckpointKind; readonly managerId: string },
): boolean {
  const { count, hash, at, key, signature } = checkpoint;
  return count >= 0n && count < 2n ** 63n && Number.isInteger(at) && at >= 0 &&
    at <= MAX_TIME &&
    hash.length === HASH_BYTES && key.length === PUBLIC_KEY_BYTES &&
    isSignedBy(key, signedHash(checkpoint, of), signature);
}

/** Hash that is signed: SHA-256 of all fields, each after its length. Numbers are decimal digits. */
function signedHash(
  { count, hash, at, key }: Omit<Checkpoint, "signature">,
  { kind, managerId }: {
    readonly kind: CheckpointKind;
    readonly managerId: string;
  },
): Uint8Array {
  return fieldsHash([
    LABELS[kind],
    managerId,
    String(count),
    hash,
    String(at),
    key,
  ]);
}
