import { gzipSync } from "node:zlib";

/** Bytes as gzip, the same at each time: without a name, a time and a system in its head. */
export function gzipped(bytes: Uint8Array): Uint8Array {
  const made = new Uint8Array(gzipSync(bytes, { level: 9 }));
  made.set([0, 0, 0, 0], 4);
  made[9] = 3;
  return made;
}
