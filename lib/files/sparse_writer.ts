import { writeAll } from "../base/write_all.ts";
import { WriteOut } from "../base/write_out.ts";
import type { HostFile } from "./byte_file.ts";

/** Shortest run of zeros that becomes a hole, in bytes. */
const HOLE_BYTES = 4_096;

/** Writes pieces to a new file one after the other. Pieces of zeros become holes, which take no room on the disk. */
export class SparseWriter {
  readonly #file: HostFile;
  #size = 0;
  /** Bytes at the end that are skipped and not yet there. */
  #hole = 0;
  readonly #writeOut: WriteOut;

  /** @param size Bytes that the file has already; it must be at their end. */
  constructor(file: HostFile, size = 0) {
    this.#file = file;
    this.#size = size;
    this.#writeOut = new WriteOut(async () => await file.syncData?.());
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    if (bytes.length >= HOLE_BYTES && isZero(bytes)) {
      this.#hole += bytes.length;
      return;
    }
    if (this.#hole > 0) {
      await this.#file.seek(this.#hole, Deno.SeekMode.Current);
      this.#hole = 0;
    }
    await writeAll(this.#file, bytes);
    this.#writeOut.wrote(bytes.length);
  }

  /** Makes a hole at the end. The caller writes to the disk what is not there yet. */
  async finish(): Promise<void> {
    if (this.#hole > 0) await this.#file.truncate(this.#size);
    await this.#writeOut.settled();
  }
}

function isZero(bytes: Uint8Array): boolean {
  // Most pieces are told by their first byte.
  if (bytes[0] !== 0 || bytes.at(-1) !== 0) return false;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0) return false;
  }
  return true;
}
