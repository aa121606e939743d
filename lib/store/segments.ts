import { PiriError } from "../base/errors.ts";
import type { SegmentFiles } from "./segment_files.ts";

/** Size at which a segment gets no more bytes. */
const SEGMENT_BYTES = 64 * 1_048_576;

/** Size from which a segment that is still written to is worth rewriting. */
const WORTH_REWRITING = 1_048_576;

/** Place of bytes in a segment. */
export interface SegmentPlace {
  readonly segment: number;
  readonly place: number;
}

/**
 * Segments: files that bytes are appended to and that are removed as a whole, once no row of the database names a byte
 * in them. Rows name only bytes that are on the disk: `sync` comes before the commit.
 *
 * A number is not used again after a start, nor after a failure, so that no row of an earlier time can name the bytes of
 * a later one.
 */
export class Segments implements Disposable {
  readonly #files: SegmentFiles;
  readonly #sizes: Map<number, number>;
  /** Segment that is written to. */
  #current: number | undefined;
  #last: number;
  #isDirty = false;

  /** `last` is the highest number that the database names. */
  constructor(files: SegmentFiles, last: number) {
    this.#files = files;
    this.#sizes = new Map(
      files.list().map((segment) => [segment, files.size(segment)]),
    );
    this.#last = Math.max(last, ...this.#sizes.keys());
  }

  /** Size of all segments in bytes. */
  get bytes(): number {
    return this.#sizes.values().reduce((sum, size) => sum + size, 0);
  }

  /**
   * Appends bytes. They are on the disk after the next `sync`.
   *
   * @throws {PiriError} DISK
   */
  append(bytes: Uint8Array): SegmentPlace {
    const segment = this.#toWrite();
    const place = this.#sizes.get(segment) ?? 0;
    this.#sizes.set(segment, place);
    this.#isDirty = true;
    this.#orSeal(() => this.#files.write(segment, place, bytes));
    this.#sizes.set(segment, place + bytes.length);
    return { segment, place };
  }

  /**
   * Makes what was appended survive a power cut.
   *
   * @throws {PiriError} DISK
   */
  sync(): void {
    const segment = this.#current;
    if (!this.#isDirty || segment === undefined) return;
    this.#orSeal(() => this.#files.sync(segment));
    this.#isDirty = false;
  }

  /**
   * Reads bytes that a row of the database names.
   *
   * @throws {PiriError} CORRUPT if they are not there; DISK
   */
  read(
    { segment, place }: SegmentPlace,
    length: number,
  ): Uint8Array<ArrayBuffer> {
    const bytes = this.#files.read(segment, place, length);
    if (bytes.length === length) return bytes;
    throw new PiriError(
      "CORRUPT",
      `Cannot read output: file ${segment} of the database's output lacks bytes ${place} to ${
        place + length
      }; a backup may have them`,
    );
  }

  /**
   * Segments of which less than half is still named by rows. They get no more bytes.
   *
   * @param kept number of bytes in each segment that rows name
   */
  thin(kept: ReadonlyMap<number, number>): number[] {
    return [...this.#sizes].flatMap(([segment, size]) => {
      const isThin = 2 * (kept.get(segment) ?? 0) < size;
      const isCurrent = segment === this.#current;
      if (!isThin || isCurrent && size < WORTH_REWRITING) return [];
      if (isCurrent) this.#seal();
      return [segment];
    });
  }

  /**
   * Removes the segments that no row names. Nothing may be appended and not yet committed.
   *
   * @param kept number of bytes in each segment that rows name
   *
   * @throws {PiriError} DISK
   */
  removeSpent(kept: ReadonlyMap<number, number>): void {
    for (const segment of [...this.#sizes.keys()]) {
      if (kept.has(segment)) continue;
      if (segment === this.#current) this.#seal();
      this.#files.remove(segment);
      this.#sizes.delete(segment);
    }
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  #toWrite(): number {
    const current = this.#current;
    const size = current === undefined ? 0 : this.#sizes.get(current) ?? 0;
    if (current !== undefined && size < SEGMENT_BYTES) return current;
    this.sync();
    this.#current = ++this.#last;
    return this.#current;
  }

  /** Writes no more to the current segment. */
  #seal(): void {
    this.sync();
    this.#current = undefined;
  }

  /**
   * Does a work, and writes no more to the current segment if it fails: after a failed sync, a later one may do nothing
   * and succeed.
   */
  #orSeal(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#isDirty = false;
      this.#current = undefined;
      throw error;
    }
  }
}
