import { ByteBuffer } from "../byte_buffer.ts";
import type { Scratch } from "../scratch_file.ts";
import { decodeLeniently } from "../utf8.ts";
import type { FinishedLines } from "./finished_lines.ts";

/** Most bytes of a line in memory. */
const MAX_MEMORY = 1_048_576;

/** Most bytes in memory of a line that is already on disk. */
const MAX_BESIDE_DISK = 65_536;

const EMPTY = new Uint8Array();

/** A line that is not finished. A long one is on disk. */
export class HeldLine {
  readonly #scratch: () => Scratch;
  readonly #buffer = new ByteBuffer();
  #file: Scratch | undefined;
  /** Last bytes on disk. */
  #lastOnDisk = EMPTY;

  constructor(scratch: () => Scratch) {
    this.#scratch = scratch;
  }

  add(bytes: Uint8Array): void {
    this.#buffer.add(bytes);
  }

  /** Drops the line. */
  clear(): void {
    this.#file?.[Symbol.dispose]();
    this.#forget();
  }

  /** Text of the last bytes, at most of this number of them. */
  tail(bytes: number): string {
    const last = this.#buffer.bytes.slice(-bytes);
    const before = bytes - last.length;
    return before > 0 && this.#lastOnDisk.length > 0
      ? decodeLeniently(this.#lastOnDisk.slice(-before)) + decodeLeniently(last)
      : decodeLeniently(last);
  }

  /** Hands the line over, and begins a new one. */
  moveTo(finished: FinishedLines): void {
    if (this.#file !== undefined) finished.addFile(this.#file);
    finished.add(this.#buffer.bytes);
    this.#forget();
  }

  /**
   * Moves a line to disk if it takes too much memory.
   *
   * @throws {PiriError} DISK; then all of the line is still held.
   */
  async save(): Promise<void> {
    const most = this.#file === undefined ? MAX_MEMORY : MAX_BESIDE_DISK;
    if (this.#buffer.length <= most) return;
    this.#file ??= this.#scratch();
    await this.#file.write(this.#buffer.bytes);
    this.#lastOnDisk = this.#buffer.bytes.slice(-MAX_BESIDE_DISK);
    this.#buffer.clear();
  }

  #forget(): void {
    this.#file = undefined;
    this.#lastOnDisk = EMPTY;
    this.#buffer.clear();
  }
}
