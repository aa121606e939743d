import type { Clock } from "../base/clock.ts";
import { Limits } from "../base/limits.ts";
import type { Handoff } from "./handoff.ts";
import type { OperationEvent, StreamName } from "./operation.ts";

/** Longest time that a pipe may be empty once reading is hurried, in milliseconds. */
const EMPTY_MS = 50;
/** Bytes that are still read once reading is hurried. A pipe never holds more of the program's own output. */
const MAX_PIPE_BYTES = 1_048_576;

/** Reads one stream of a child in pieces. The next piece is read once the one before it was taken. */
export class ChildOutput {
  readonly #name: StreamName;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #clock: Clock;
  /** Buffer that the next piece is read into. */
  #buffer = new ArrayBuffer(Limits.piece);
  #hurried = false;
  #reading = false;
  #left = MAX_PIPE_BYTES;
  #cut = false;

  constructor(
    name: StreamName,
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    clock: Clock,
  ) {
    this.#name = name;
    this.#reader = stream.getReader({ mode: "byob" });
    this.#clock = clock;
  }

  /** True if reading was given up while a process still held the pipe. */
  get cut(): boolean {
    return this.#cut;
  }

  /** Passes on all output. Resolves at the end of the stream; never rejects. */
  async run(pieces: Handoff<OperationEvent>): Promise<void> {
    while (!this.#cut) {
      const bytes = await this.#read();
      if (bytes === undefined) return;
      // The taker may have emptied the piece by then, so its length is noted before.
      const { length } = bytes;
      const piece = this.#own(bytes);
      await pieces.give({ kind: "output", stream: this.#name, bytes: piece });
      if (this.#hurried && (this.#left -= length) <= 0) this.giveUp();
    }
  }

  /**
   * Hurries: the program ended some time ago, so its own output is still read, but output of other processes is not
   * waited for.
   */
  hurry(): void {
    this.#hurried = true;
    if (this.#reading) this.giveUp();
  }

  /** Stops reading. */
  giveUp(): void {
    this.#cut = true;
    // A broken pipe counts as closed.
    this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.#reading = true;
    const timer = this.#hurried
      ? this.#clock.timer(EMPTY_MS, () => this.giveUp())
      : undefined;
    try {
      const { done, value } = await this.#reader.read(
        new Uint8Array(this.#buffer),
      );
      return done ? undefined : value;
    } catch {
      return undefined;
    } finally {
      timer?.cancel();
      this.#reading = false;
    }
  }

  /** Copies a small piece into memory of its own size: a line must not hold 64 KiB when it is given away. */
  #own(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (bytes.length >= Limits.piece / 2) {
      this.#buffer = new ArrayBuffer(Limits.piece);
      return bytes;
    }
    this.#buffer = bytes.buffer;
    return bytes.slice();
  }
}
