import { sha256 } from "../base/sha256.ts";
import type { AuditRecord } from "./audit_records.ts";

/** First words of the text whose hash begins a chain. The number is that of the encoding. */
const GENESIS = "piri audit 1\n";

/** Length that stands for no value. */
const NULL_LENGTH = 0xffff_ffff;

/** Fields of an entry in the order of their encoding: all but the hash of it. */
export const FIELDS = [
  "id",
  "at",
  "who",
  "credential",
  "origin",
  "act",
  "target",
  "operation",
  "decision",
  "rule",
  "statement",
  "outcome",
  "note",
] as const satisfies (keyof AuditRecord)[];

const HASH_BYTES = 32;
const LENGTH_BYTES = 4;

const LAST_ASCII = 127;

/** Most bytes of UTF-8 that a UTF-16 unit becomes. */
const UTF8_BYTES = 3;

const encoder = new TextEncoder();
let scratch = new Uint8Array(4_096);

/** Hash before the first entry of a Manager's chain. */
export function genesisHash(managerId: string): Uint8Array {
  return sha256(GENESIS + managerId);
}

/**
 * Hash of an entry: the SHA-256 of the hash before it and of its fields. Each field is its length in bytes, in 32 bits with the
 * highest byte first, and then the bytes: those of a hash as they are, numbers in decimal digits, texts in UTF-8. A field without
 * a value has the length 2^32 - 1, and no bytes.
 */
export function entryHash(
  before: Uint8Array,
  entry: Omit<AuditRecord, "hash">,
): Uint8Array {
  reserve(entry);
  const bytes = scratch;
  bytes.set(before, 0);
  let at = before.length;
  for (const field of FIELDS) {
    const value = entry[field];
    const start = at + LENGTH_BYTES;
    const length = value === null ? 0 : write(value, start);
    const told = value === null ? NULL_LENGTH : length;
    bytes[at] = told >>> 24;
    bytes[at + 1] = told >>> 16;
    bytes[at + 2] = told >>> 8;
    bytes[at + 3] = told;
    at = start + length;
  }
  return sha256(bytes.subarray(0, at));
}

/** Writes the bytes of a value, and returns how many they are. */
function write(
  value: string | number | bigint | Uint8Array,
  start: number,
): number {
  if (value instanceof Uint8Array) {
    scratch.set(value, start);
    return value.length;
  }
  const text = typeof value === "string" ? value : String(value);
  // By hand, as most texts are short and ASCII: a call of the encoder costs more than their bytes.
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > LAST_ASCII) {
      return encoder.encodeInto(text, scratch.subarray(start)).written;
    }
    scratch[start + index] = unit;
  }
  return text.length;
}

/** Makes room for the longest encoding that an entry can have. */
function reserve(entry: Omit<AuditRecord, "hash">): void {
  let bytes = HASH_BYTES;
  for (const field of FIELDS) {
    const value = entry[field];
    bytes += LENGTH_BYTES +
      (typeof value === "string" ? value.length * UTF8_BYTES : HASH_BYTES);
  }
  if (bytes > scratch.length) scratch = new Uint8Array(2 * bytes);
}
