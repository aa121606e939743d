import type { Clock } from "../base/clock.ts";
import { Limits } from "../base/limits.ts";
import type { Handoff } from "./handoff.ts";
import type { OperationEvent, StreamName } from "./operation.ts";

/** Once hurried: how long a pipe may be empty, in milliseconds. */
const EMPTY_MS = 50;
/** Once hurried: what is still read. No pipe holds more of what the program itself had written. */
const PIPE_MOST = 1_048_576;

/** Reads one stream of a child in pieces, each once the one before it was taken. */
export class ChildOutput {
  readonly #name: StreamName;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #clock: Clock;
  /** What the next piece is read into. */
  #buffer = new ArrayBuffer(Limits.piece);
  #hurried = false;
  #reading = false;
  #left = PIPE_MOST;
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

  /** Whether it was given up while something still held the pipe. */
  get cut(): boolean {
    return this.#cut;
  }

  /** Gives all that comes. Resolves at the end of the stream; never rejects. */
  async run(pieces: Handoff<OperationEvent>): Promise<void> {
    while (!this.#cut) {
      const bytes = await this.#read();
      if (bytes === undefined) return;
      // Whoever takes a piece may have emptied it by the time that it was taken.
      const { length } = bytes;
      const piece = this.#own(bytes);
      await pieces.give({ kind: "output", stream: this.#name, bytes: piece });
      if (this.#hurried && (this.#left -= length) <= 0) this.giveUp();
    }
  }

  /** The program has ended long enough ago: what it had written is still read, what others write is not waited for. */
  hurry(): void {
    this.#hurried = true;
    if (this.#reading) this.giveUp();
  }

  /** Stops reading. */
  giveUp(): void {
    this.#cut = true;
    // A pipe that is broken by now is closed by now.
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

  /** The bytes in memory of about their size: a line must not take 64 KiB with it when it is given away. */
  #own(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (bytes.length >= Limits.piece / 2) {
      this.#buffer = new ArrayBuffer(Limits.piece);
      return bytes;
    }
    this.#buffer = bytes.buffer;
    return bytes.slice();
  }
}
