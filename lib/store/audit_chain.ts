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

const LENGTH_BYTES = 4;

const LAST_ASCII = 127;

/** Most bytes of UTF-8 that a UTF-16 unit becomes. */
const UTF8_BYTES = 3;

/** Value of a field. */
type FieldValue = string | number | bigint | Uint8Array | null;

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
): Uint8Array<ArrayBuffer> {
  return fieldsHash(before, FIELDS.map((field) => entry[field]));
}

/** Hash of an entry by the values of its fields in their order. What follows them is not looked at. */
export function fieldsHash(
  before: Uint8Array,
  values: readonly FieldValue[],
): Uint8Array<ArrayBuffer> {
  let at = before.length;
  reserve(at);
  scratch.set(before, 0);
  for (let index = 0; index < FIELDS.length; index++) {
    const value = values[index] ?? null;
    const start = at + LENGTH_BYTES;
    const length = value === null ? 0 : write(value, start);
    const told = value === null ? NULL_LENGTH : length;
    scratch[at] = told >>> 24;
    scratch[at + 1] = told >>> 16;
    scratch[at + 2] = told >>> 8;
    scratch[at + 3] = told;
    at = start + length;
  }
  return sha256(scratch.subarray(0, at));
}

/** True if two hashes of entries are equal. They are no secrets, so the time that it takes may tell where they differ. */
export function isSameHash(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}

/** Writes the bytes of a value, and returns how many they are. */
function write(value: NonNullable<FieldValue>, start: number): number {
  if (value instanceof Uint8Array) {
    reserve(start + value.length);
    scratch.set(value, start);
    return value.length;
  }
  const text = typeof value === "string" ? value : String(value);
  reserve(start + text.length * UTF8_BYTES);
  const bytes = scratch;
  // By hand, as most texts are short and ASCII: a call of the encoder costs more than their bytes.
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > LAST_ASCII) {
      return encoder.encodeInto(text, bytes.subarray(start)).written;
    }
    bytes[start + index] = unit;
  }
  return text.length;
}

/** Makes room up to this place, and for the length of another field behind it. The bytes before it stay. */
function reserve(bytes: number): void {
  if (bytes + LENGTH_BYTES <= scratch.length) return;
  const larger = new Uint8Array(2 * (bytes + LENGTH_BYTES));
  larger.set(scratch);
  scratch = larger;
}
