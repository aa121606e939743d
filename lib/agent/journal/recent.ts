import { concat } from "@std/bytes/concat";
import { Limits } from "../../base/limits.ts";

/** A piece of a stream, counted in numbers. */
export interface StreamPiece {
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly cut: number;
}

/** What all streams of a journal may hold in memory, in bytes. */
export class RecentBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Whether there was room. */
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
 * The end of a stream in memory, as it is on the disk: while the link is up what was just written is read from here. Where
 * it does not fit it is read from the disk.
 */
export class RecentOutput {
  readonly #budget: RecentBudget;
  /** Each begins where the one before it ends. */
  readonly #pieces: { readonly offset: number; readonly bytes: Uint8Array }[] =
    [];

  constructor(budget: RecentBudget) {
    this.#budget = budget;
  }

  /** Takes what has been written. It must not be written to any more. */
  add(offset: number, bytes: Uint8Array): void {
    const last = this.#pieces.at(-1);
    const isNext = last === undefined ||
      last.offset + last.bytes.length === offset;
    if (!isNext || !this.#budget.take(bytes.length + Limits.pieceOverhead)) {
      // The reader comes to what is missing on the disk, and then finds all the rest there, too.
      return this.clear();
    }
    this.#pieces.push({ offset, bytes });
  }

  /** From `offset` on, `limit` bytes at most; undefined if that is not here. What is below is dropped. */
  read(offset: number, limit: number): StreamPiece | undefined {
    this.dropBelow(offset);
    if (offset < (this.#pieces[0]?.offset ?? Infinity)) return undefined;
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const piece of this.#pieces) {
      const from = Math.max(0, offset - piece.offset);
      const part = piece.bytes.subarray(from, from + limit - length);
      // One that does not fit is left for the next read, so that it is not cut in two.
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
