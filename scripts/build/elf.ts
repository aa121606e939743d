import { PiriError } from "../../lib/base/errors.ts";

const MAGIC = [0x7f, 0x45, 0x4c, 0x46, 2, 1];

/**
 * End of a 64-bit little-endian ELF file according to its headers: the end of its table of sections.
 *
 * The payload of `deno compile` comes after it.
 *
 * @throws {PiriError} CORRUPT
 */
export function elfSize(file: Uint8Array): number {
  if (file.length < 64 || MAGIC.some((byte, at) => file[at] !== byte)) {
    throw new PiriError(
      "CORRUPT",
      "Cannot find the end of the ELF file: it is not a 64-bit little-endian one",
    );
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const tableOffset = Number(view.getBigUint64(0x28, true));
  const entrySize = view.getUint16(0x3a, true);
  const entries = view.getUint16(0x3c, true);
  const size = tableOffset + entrySize * entries;
  if (size > file.length) {
    throw new PiriError(
      "CORRUPT",
      `Cannot find the end of the ELF file: it should have ${size} bytes and has ${file.length}`,
    );
  }
  return size;
}
