import type { SegmentFiles } from "./segment_files.ts";

/** Room of a file's first bytes. It doubles when it is full. */
const FIRST_ROOM = 65_536;

/** Bytes of a file, with room for more. */
interface Content {
  buffer: Uint8Array<ArrayBuffer>;
  length: number;
}

/** Segments of a database in memory. */
export class MemorySegments implements SegmentFiles {
  readonly #files = new Map<number, Content>();

  list(): number[] {
    return [...this.#files.keys()];
  }

  size(segment: number): number {
    return this.#files.get(segment)?.length ?? 0;
  }

  write(segment: number, place: number, bytes: Uint8Array): void {
    const end = place + bytes.length;
    const file = this.#files.get(segment) ??
      { buffer: new Uint8Array(FIRST_ROOM), length: 0 };
    if (file.buffer.length < end) {
      const wider = new Uint8Array(Math.max(end, 2 * file.buffer.length));
      wider.set(file.buffer.subarray(0, file.length));
      file.buffer = wider;
    }
    file.buffer.set(bytes, place);
    file.length = end;
    this.#files.set(segment, file);
  }

  sync(): void {}

  read(
    segment: number,
    place: number,
    length: number,
  ): Uint8Array<ArrayBuffer> {
    const file = this.#files.get(segment);
    return file?.buffer.slice(place, Math.min(place + length, file.length)) ??
      new Uint8Array();
  }

  remove(segment: number): void {
    this.#files.delete(segment);
  }

  /** Copies all of them as they are. */
  copy(): MemorySegments {
    const copy = new MemorySegments();
    for (const [segment, { buffer, length }] of this.#files) {
      copy.#files.set(segment, { buffer: buffer.slice(0, length), length });
    }
    return copy;
  }

  [Symbol.dispose](): void {}
}
