import { concat } from "@std/bytes/concat";
import type { Disk } from "../../base/disk.ts";
import { Limits } from "../../base/limits.ts";
import { FRAME_HEADER, frameAt } from "./frame.ts";

/**
 * File with a part of the stream, in records. Bytes between the end of one segment and the start of the next are lost.
 */
export interface Segment {
  readonly name: string;
  readonly start: number;
  /** Offset at which it ends in the stream. If an earlier agent wrote it, the end may be lower: a read finds out. */
  end: number;
  /** Count of good bytes in the file. */
  size: number;
  synced: boolean;
}

/** Place in a segment where the next read will probably begin. */
interface Cursor {
  readonly segment: Segment;
  /** Position in the file, at the beginning of a record. */
  readonly at: number;
  /** Offset of the same place in the stream. */
  readonly offset: number;
}

/** Reader of the segments of one stream, fast for reads that follow each other. Never rejects. */
export class SegmentReader {
  readonly #disk: Disk;
  /** Told of each failure of the disk; the read is then tried once more. */
  readonly #failed: (error: unknown) => void;
  #cursor: Cursor | undefined;

  constructor(disk: Disk, failed: (error: unknown) => void) {
    this.#disk = disk;
    this.#failed = failed;
  }

  /**
   * Reads at most `limit` bytes from `from` on; if they are damaged, no bytes and the offset where the damage begins.
   */
  async read(
    segment: Segment,
    from: number,
    limit: number,
  ): Promise<Uint8Array<ArrayBuffer> | { readonly damagedAt: number }> {
    let { at, offset } = this.#startFor(segment, from);
    const parts: Uint8Array[] = [];
    let wanted = Math.min(Math.max(1, limit), segment.end - from);
    let next = from;
    while (parts.length === 0) {
      const block = await this.#readBlock(segment, at, limit);
      let used = 0;
      while (wanted > 0) {
        const found = frameAt(block, used, Limits.chunk);
        if (typeof found === "string") break;
        const part = found.payload.subarray(Math.max(0, next - offset));
        // A record that does not fit is left for the next read, so that it is not checked twice.
        if (part.length > wanted && parts.length > 0) break;
        const taken = part.subarray(0, wanted);
        if (taken.length > 0) parts.push(taken);
        wanted -= taken.length;
        next += taken.length;
        if (taken.length < part.length) break;
        offset += found.payload.length;
        used = found.end;
      }
      at += used;
      if (parts.length === 0 && used === 0) return { damagedAt: offset };
    }
    this.#cursor = { segment, at, offset };
    // A copy, so that a piece does not keep the whole block in memory.
    return concat(parts);
  }

  /** Offset in the stream at which its readable records end. */
  async findEnd(segment: Segment): Promise<number> {
    let offset = segment.start;
    for (let at = 0;;) {
      const block = await this.#readBlock(segment, at, Limits.chunk);
      const { used, length } = measure(block);
      if (used === 0) return offset;
      at += used;
      offset += length;
    }
  }

  #startFor(
    segment: Segment,
    from: number,
  ): { at: number; offset: number } {
    const cursor = this.#cursor;
    return cursor?.segment === segment && cursor.offset <= from
      ? cursor
      : { at: 0, offset: segment.start };
  }

  /** Reads enough of the file for a record and the wanted bytes; nothing if it cannot be read. */
  async #readBlock(
    { name, size }: Segment,
    at: number,
    limit: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const most = Math.min(limit, Limits.chunk) + Limits.chunk + FRAME_HEADER;
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        return await this.#disk.read(name, at, Math.min(size - at, most));
      } catch (error) {
        this.#failed(error);
      }
    }
    return new Uint8Array(0);
  }
}

/** Measures the whole records at the start of a block. */
function measure(
  block: Uint8Array<ArrayBuffer>,
): { used: number; length: number } {
  let used = 0;
  let length = 0;
  for (;;) {
    const found = frameAt(block, used, Limits.chunk);
    if (typeof found === "string") return { used, length };
    length += found.payload.length;
    used = found.end;
  }
}
