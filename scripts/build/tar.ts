import { PiriError } from "../../lib/base/errors.ts";

const BLOCK_BYTES = 512;

/**
 * Finds one file in a tar archive and returns its content. Reads POSIX ustar with paths of at most 100 bytes, which is
 * all that the npm packages here need.
 *
 * @throws {PiriError} NOT_FOUND if the archive has no such file, CORRUPT if the archive ends within it.
 */
export function tarEntry(archive: Uint8Array, path: string): Uint8Array {
  for (let at = 0; at + BLOCK_BYTES <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK_BYTES);
    const size = parseInt(field(header, 124, 12), 8) || 0;
    const start = at + BLOCK_BYTES;
    if (field(header, 0, 100) === path) {
      if (start + size > archive.length) {
        throw new PiriError(
          "CORRUPT",
          `Cannot take "${path}" out of the archive: the archive ends within it`,
        );
      }
      return archive.subarray(start, start + size);
    }
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  throw new PiriError(
    "NOT_FOUND",
    `Cannot take "${path}" out of the archive: it is not there`,
  );
}

/** Text field of a header; it ends at its first zero byte. */
function field(header: Uint8Array, offset: number, length: number): string {
  const bytes = header.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
