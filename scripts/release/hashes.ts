import { createHash } from "node:crypto";

/** Bytes of the pieces that files are compared by. */
export const PIECE_BYTES = 64 * 1024;

/** SHA-256 of bytes, in hexadecimal. */
export function hexSha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** SHA-256 of each piece of a file; the last one may be shorter. */
export function pieceHashes(file: Uint8Array): string[] {
  const hashes: string[] = [];
  for (let at = 0; at < file.length; at += PIECE_BYTES) {
    hashes.push(hexSha256(file.subarray(at, at + PIECE_BYTES)));
  }
  return hashes;
}
