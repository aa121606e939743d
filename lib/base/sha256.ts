import { createHash, hash } from "node:crypto";

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
  const digest = createHash("sha256");
  const text = new TextEncoder();
  for (const field of fields) {
    const bytes = typeof field === "string" ? text.encode(field) : field;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    digest.update(length).update(bytes);
  }
  return new Uint8Array(digest.digest());
}
