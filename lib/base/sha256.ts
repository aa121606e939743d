import { hash } from "node:crypto";

/** SHA-256 of bytes, or of a text in UTF-8. */
export function sha256(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  // One call costs half of an object that is updated and digested.
  return new Uint8Array(hash("sha256", data, "buffer"));
}
