import { PiriError } from "../../lib/base/errors.ts";
import { hexSha256 } from "../release/hashes.ts";
import { readMachO } from "./macho.ts";

const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const HASH_SHA256 = 2;
const HASH_BYTES = 32;

/**
 * Pages of a signed Mach-O file whose hash is not the one in its signature; macOS on arm64 ends a program with such a
 * page. Reads the first code directory, with SHA-256 (<kern/cs_blobs.h>).
 *
 * @throws {PiriError} CORRUPT if there is no such signature, or it does not cover all that is in front of it
 */
export function wrongPages(file: Uint8Array): number[] {
  const { signature } = readMachO(file);
  if (signature === undefined) throw unsigned("it has none");
  const { offset, size } = signature;
  if (offset + size !== file.length) throw unsigned("it is not at its end");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const directory = offset + view.getUint32(offset + 16);
  if (
    view.getUint32(offset) !== SUPER_BLOB ||
    view.getUint32(directory) !== CODE_DIRECTORY ||
    view.getUint8(directory + 37) !== HASH_SHA256
  ) throw unsigned("it has no code directory with SHA-256");
  const hashes = directory + view.getUint32(directory + 16);
  const count = view.getUint32(directory + 28);
  const limit = view.getUint32(directory + 32);
  const pageBytes = 2 ** view.getUint8(directory + 39);
  if (limit !== offset || count !== Math.ceil(limit / pageBytes)) {
    throw unsigned(`it covers ${limit} of ${offset} bytes`);
  }
  const wrong: number[] = [];
  for (let page = 0; page < count; page++) {
    const at = hashes + HASH_BYTES * page;
    const end = Math.min((page + 1) * pageBytes, limit);
    const actual = hexSha256(file.subarray(page * pageBytes, end));
    if (actual !== file.subarray(at, at + HASH_BYTES).toHex()) wrong.push(page);
  }
  return wrong;
}

function unsigned(reason: string): PiriError {
  return new PiriError("CORRUPT", `Cannot check the signature: ${reason}`);
}
