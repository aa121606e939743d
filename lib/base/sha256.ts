import { hash } from "node:crypto";

const text = new TextEncoder();

/** SHA-256 of bytes, or of a text in UTF-8. */
export function sha256(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  // One call costs half of an object that is updated and digested, and hex digits half of a buffer.
  return Uint8Array.fromHex(hash("sha256", data, "hex"));
}

/** Most bytes of memory that is kept for the next hash. */
const MAX_KEPT_BYTES = 4_096;

/** Memory in which fields are gathered. One serves all, because nothing else runs until they are hashed. */
const kept = new Uint8Array(MAX_KEPT_BYTES);

/**
 * SHA-256 of fields, each after its length in bytes, in 32 bits with the highest byte first: two lists of fields have one
 * hash only if they are equal. Texts are in UTF-8.
 */
export function fieldsHash(
  fields: readonly (string | Uint8Array)[],
): Uint8Array<ArrayBuffer> {
  let room = 0;
  for (const field of fields) room += 4 + mostBytes(field);
  const bytes = room <= MAX_KEPT_BYTES ? kept : new Uint8Array(room);
  let at = 0;
  for (const field of fields) {
    const size = write(field, bytes, at + 4);
    // Not by a DataView, which would have to be made first.
    bytes[at] = size >>> 24;
    bytes[at + 1] = size >>> 16;
    bytes[at + 2] = size >>> 8;
    bytes[at + 3] = size;
    at += 4 + size;
  }
  // One call costs a quarter of a digest that is updated field by field.
  return sha256(bytes.subarray(0, at));
}

/** Most bytes that a field takes: a UTF-16 unit takes at most 3. */
function mostBytes(field: string | Uint8Array): number {
  return typeof field === "string" ? field.length * 3 : field.length;
}

/** Writes a field to a place, and returns its size in bytes. */
function write(
  field: string | Uint8Array,
  bytes: Uint8Array,
  at: number,
): number {
  if (typeof field !== "string") {
    bytes.set(field, at);
    return field.length;
  }
  const { length } = field;
  for (let i = 0; i < length; i++) {
    const code = field.charCodeAt(i);
    if (code > 0x7f) return text.encodeInto(field, bytes.subarray(at)).written;
    bytes[at + i] = code;
  }
  return length;
}
