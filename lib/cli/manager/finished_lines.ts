import { ByteBuffer } from "../byte_buffer.ts";
import type { Scratch } from "../scratch_file.ts";

const NEWLINE = 0x0a;

/** Part of what is to be written. Who writes a file disposes of it. */
export type Piece = Uint8Array | Scratch;

/** Whole lines that are to be written together. */
export class FinishedLines {
  readonly #buffer = new ByteBuffer();
  #pieces: Piece[] = [];

  add(bytes: Uint8Array): void {
    this.#buffer.add(bytes);
  }

  /** Adds whole lines, each with the prefix. */
  addLines(prefix: Uint8Array, lines: Uint8Array): void {
    let start = 0;
    while (start < lines.length) {
      const end = lines.indexOf(NEWLINE, start) + 1;
      this.#buffer.add(prefix);
      this.#buffer.add(lines.subarray(start, end));
      start = end;
    }
  }

  addFile(file: Scratch): void {
    this.#pieces.push(this.#buffer.bytes.slice(), file);
    this.#buffer.clear();
  }

  /** Hands the lines over. Returns nothing if there are none. */
  take(): Piece[] {
    if (this.#buffer.length > 0) {
      this.#pieces.push(this.#buffer.bytes.slice());
      this.#buffer.clear();
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
