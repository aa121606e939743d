import { deflateSync } from "node:zlib";

/** Shortest text in base64 that is worth it, in characters. */
const MIN_CHARACTERS = 1_000_000;

/** Literals of nothing but base64. */
const BASE64 = new RegExp(
  `(["'])([A-Za-z0-9+/]{${MIN_CHARACTERS},}={0,2})\\1`,
  "g",
);

/**
 * The same JavaScript with compressed data in place of long texts in base64. A program reads all of its parts at each
 * start, also those that it does not use, and keeps them.
 */
export function packData(text: string): string {
  return text.replaceAll(BASE64, (_, _quote, base64: string) => {
    const packed = deflateSync(Uint8Array.fromBase64(base64), { level: 9 });
    return `process.getBuiltinModule("node:zlib").inflateSync(process.getBuiltinModule("node:buffer").Buffer.from("${packed.toBase64()}", "base64")).toString("base64")`;
  });
}
