import type { Scratch } from "../scratch_file.ts";

/** Most characters of a line in memory. */
const MEMORY = 1_048_576;

/** Most characters in memory of a line that is already on disk. */
const MEMORY_BESIDE_DISK = 65_536;

/** Part of a text that is to be written. */
export type Piece = string | Scratch;

/** A line that is not finished. A long one is on disk. */
export class HeldLine {
  readonly #scratch: () => Scratch;
  readonly #encode: (text: string) => Uint8Array;
  #texts: string[] = [];
  #length = 0;
  #file: Scratch | undefined;
  /** End of the text on disk. */
  #onDisk = "";

  constructor(
    { scratch, encode }: {
      scratch: () => Scratch;
      encode: (text: string) => Uint8Array;
    },
  ) {
    this.#scratch = scratch;
    this.#encode = encode;
  }

  add(text: string): void {
    this.#texts.push(text);
    this.#length += text.length;
  }

  clear(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#texts = [];
    this.#length = 0;
    this.#onDisk = "";
  }

  /** The last characters, at most so many. */
  tail(length: number): string {
    return (this.#onDisk + this.#texts.join("")).slice(-length);
  }

  /** Hands the line over, and begins a new one. The receiver disposes of the file. */
  take(): Piece[] {
    const file = this.#file;
    this.#file = undefined;
    const text = this.#texts.join("");
    this.clear();
    return file === undefined ? [text] : [file, text];
  }

  /**
   * Moves a line to disk if it takes too much memory.
   *
   * @throws {PiriError} DISK; then all of the line is held, but not bounded.
   */
  async save(): Promise<void> {
    const most = this.#file === undefined ? MEMORY : MEMORY_BESIDE_DISK;
    if (this.#length <= most) return;
    this.#file ??= this.#scratch();
    const text = this.#texts.join("");
    await this.#file.write(this.#encode(text));
    this.#texts = [];
    this.#length = 0;
    this.#onDisk = text.slice(-MEMORY_BESIDE_DISK);
  }
}
