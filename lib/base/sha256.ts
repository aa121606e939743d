import { hash } from "node:crypto";

const text = new TextEncoder();

/** SHA-256 of bytes, or of a text in UTF-8. */
export function sha256(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  // One call costs half of an object that is updated and digested, and hex digits half of a buffer.
  return Uint8Array.fromHex(hash("sha256", data, "hex"));
}

/**
 * SHA-256 of fields, each after its length in bytes, in 32 bits with the highest byte first: two lists of fields have one
 * hash only if they are equal. Texts are in UTF-8.
 */
export function fieldsHash(
  fields: readonly (string | Uint8Array)[],
): Uint8Array<ArrayBuffer> {
  const all = fields.map((field) =>
    typeof field === "string" ? text.encode(field) : field
  );
  const size = all.reduce((sum, { length }) => sum + 4 + length, 0);
  // One call costs a quarter of a digest that is updated field by field.
  const whole = new Uint8Array(size);
  const view = new DataView(whole.buffer);
  let at = 0;
  for (const bytes of all) {
    view.setUint32(at, bytes.length);
    whole.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return sha256(whole);
}
