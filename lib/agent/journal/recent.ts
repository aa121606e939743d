import { concat } from "@std/bytes/concat";
import { Limits } from "../../base/limits.ts";

/** Piece of a stream, with offsets as numbers. */
export interface StreamPiece {
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly cut: number;
}

/** Budget of memory for all streams of a journal, in bytes. */
export class RecentBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes bytes from the budget; false if too few are left. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * End of a stream in memory, with the same bytes as on the disk. While the link is up, new output is read from here.
 * Output that does not fit in here is read from the disk.
 */
export class RecentOutput {
  readonly #budget: RecentBudget;
  /** Pieces, each beginning where the one before it ends. */
  readonly #pieces: { readonly offset: number; readonly bytes: Uint8Array }[] =
    [];

  constructor(budget: RecentBudget) {
    this.#budget = budget;
  }

  /** Adds bytes that have been written to the disk. The caller must not change them any more. */
  add(offset: number, bytes: Uint8Array): void {
    const last = this.#pieces.at(-1);
    const isNext = last === undefined ||
      last.offset + last.bytes.length === offset;
    if (!isNext || !this.#budget.take(bytes.length + Limits.pieceOverhead)) {
      // A reader comes to the missing piece on the disk, and then finds all later bytes there too.
      return this.clear();
    }
    this.#pieces.push({ offset, bytes });
  }

  /**
   * Reads from `offset` on, at most `limit` bytes; undefined if the offset is not in memory. Drops bytes below the
   * offset.
   */
  read(offset: number, limit: number): StreamPiece | undefined {
    this.dropBelow(offset);
    if (offset < (this.#pieces[0]?.offset ?? Infinity)) return undefined;
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const piece of this.#pieces) {
      const from = Math.max(0, offset - piece.offset);
      const part = piece.bytes.subarray(from, from + limit - length);
      // A piece that does not fit is left for the next read, so that it is not cut in two.
      if (parts.length > 0 && from + part.length < piece.bytes.length) break;
      parts.push(part);
      length += part.length;
      if (length >= limit) break;
    }
    return { offset, bytes: joined(parts), cut: 0 };
  }

  /** Drops pieces that end at or below the offset. */
  dropBelow(offset: number): void {
    let count = 0;
    for (const piece of this.#pieces) {
      if (piece.offset + piece.bytes.length > offset) break;
      this.#budget.give(piece.bytes.length + Limits.pieceOverhead);
      count++;
    }
    if (count > 0) this.#pieces.splice(0, count);
  }

  clear(): void {
    this.dropBelow(Infinity);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  return parts.length === 1 && only !== undefined
    ? only as Uint8Array<ArrayBuffer>
    : concat(parts);
}
