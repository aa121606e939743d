import { ByteBuffer } from "../byte_buffer.ts";
import type { Scratch } from "../scratch_file.ts";

/** Part of what is to be written. Who writes a file disposes of it. */
export type Piece = Uint8Array | Scratch;

/** Whole lines that are to be written together. */
export class FinishedLines {
  readonly #buffer = new ByteBuffer();
  #pieces: Piece[] = [];

  add(bytes: Uint8Array): void {
    this.#buffer.add(bytes);
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
