import { type Clock, sleep } from "../../base/clock.ts";
import type { InputFile } from "../input_file.ts";

/** Bytes that are kept until the Manager has them: what one request carries at most. A number of whole blocks. */
const WINDOW_BYTES = 4_194_304;

/** Bytes that are read at a time. */
const BLOCK_BYTES = 262_144;

/** Time without a new byte after which a request ends, in milliseconds. The next one begins when there is one. */
const IDLE_MS = 2_000;

/** Part of an input that has been read, and is kept until the Manager has it. */
export class SentWindow {
  readonly #input: InputFile;
  readonly #clock: Clock;
  readonly #onRead: (bytes: Uint8Array) => void;
  readonly #buffer = new Uint8Array(WINDOW_BYTES);
  readonly #block = new Uint8Array(BLOCK_BYTES);
  /** Place of the buffer in the input. */
  #start = 0;
  #filled = 0;
  #ended = false;
  /** Read under way, which outlasts the request that asked for it, or one that failed. */
  #reading: Promise<void> | undefined;

  /** @param onRead Called once with each byte of the input, in order. */
  constructor(
    input: InputFile,
    { clock, onRead }: {
      readonly clock: Clock;
      readonly onRead: (bytes: Uint8Array) => void;
    },
  ) {
    this.#input = input;
    this.#clock = clock;
    this.#onRead = onRead;
  }

  /** Place in the input of the first byte that is kept. */
  get start(): number {
    return this.#start;
  }

  /**
   * Waits until there is a byte to send. Returns false at the end of the input.
   *
   * @throws {PiriError} DISK
   */
  async hasMore(): Promise<boolean> {
    while (this.#filled === 0 && !this.#ended) await this.#read();
    return this.#filled > 0;
  }

  /** Yields the bytes from a place on, and what is read meanwhile. A failure to read ends them: `hasMore` tells it. */
  async *from(offset: number): AsyncGenerator<Uint8Array> {
    let at = offset - this.#start;
    for (;;) {
      while (at < this.#filled) {
        const end = Math.min(this.#filled, at + BLOCK_BYTES);
        const block = this.#buffer.subarray(at, end);
        at = end;
        yield block;
      }
      const isDone = this.#ended || this.#filled === this.#buffer.length;
      if (isDone || !await this.#readSoon()) return;
    }
  }

  /** Forgets all bytes, which the Manager has. */
  clear(): void {
    this.#start += this.#filled;
    this.#filled = 0;
  }

  /** Reads on. Returns false if nothing comes for a while. */
  async #readSoon(): Promise<boolean> {
    using idle = new Idle(this.#clock);
    const read = this.#read().then(() => true, () => false);
    return await Promise.race([read, idle.over]);
  }

  #read(): Promise<void> {
    return this.#reading ??= this.#fill().then(() => {
      this.#reading = undefined;
    });
  }

  async #fill(): Promise<void> {
    // Not into the buffer itself, which can be cleared meanwhile.
    const count = await this.#input.fill(this.#block);
    const fresh = this.#block.subarray(0, count);
    this.#onRead(fresh);
    this.#buffer.set(fresh, this.#filled);
    this.#filled += count;
    this.#ended = count < this.#block.length;
  }
}

/** Time of waiting. */
class Idle implements Disposable {
  readonly #controller = new AbortController();
  /** Resolves to false when it is over. */
  readonly over: Promise<false>;

  constructor(clock: Clock) {
    this.over = sleep(clock, IDLE_MS, this.#controller.signal)
      .then(() => false as const);
  }

  [Symbol.dispose](): void {
    this.#controller.abort();
  }
}
