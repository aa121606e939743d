import { createHash } from "node:crypto";
import type { AuditRecord } from "./audit_records.ts";

/** First words of the text whose hash begins a chain. The number is that of the encoding. */
const GENESIS = "piri audit 1\n";

/** Length that stands for no value. */
const NULL_LENGTH = 0xffff_ffff;

/** Fields in the order of the encoding. */
const FIELDS = [
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

/** Most bytes of UTF-8 that a UTF-16 unit becomes. */
const UTF8_BYTES = 3;

const encoder = new TextEncoder();
let scratch = new Uint8Array(4_096);

/** Hash before the first entry of a Manager's chain. */
export function genesisHash(managerId: string): Uint8Array {
  return sha256(encoder.encode(GENESIS + managerId));
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
  const view = new DataView(scratch.buffer);
  scratch.set(before, 0);
  let at = before.length;
  for (const field of FIELDS) {
    const value = entry[field];
    let length: number;
    if (value === null) {
      length = 0;
    } else if (value instanceof Uint8Array) {
      scratch.set(value, at + LENGTH_BYTES);
      length = value.length;
    } else {
      const text = typeof value === "string" ? value : String(value);
      length = encoder.encodeInto(text, scratch.subarray(at + LENGTH_BYTES))
        .written;
    }
    view.setUint32(at, value === null ? NULL_LENGTH : length);
    at += LENGTH_BYTES + length;
  }
  return sha256(scratch.subarray(0, at));
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

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
