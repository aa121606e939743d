import type { Terminal } from "../terminal.ts";
import { bytesText } from "../text.ts";

/** Shortest time between two updates, in milliseconds. */
const UPDATE_MS = 100;

/** Line on a terminal that tells how far a transfer is: bytes and rate. It is redrawn, and cleared at the end. */
export class TransferMeter implements AsyncDisposable {
  readonly #terminal: Terminal;
  readonly #words: string;
  readonly #startedAt: number;
  #total = 0;
  #done = 0;
  #shownAt = -Infinity;
  #isShown = false;
  #isOver = false;

  /** @param words What is under way, as: sending. */
  constructor(terminal: Terminal, words: string) {
    this.#terminal = terminal;
    this.#words = words;
    this.#startedAt = terminal.clock.monotonic();
  }

  /** Adds bytes that are still to come. */
  expect(bytes: number): void {
    this.#total += bytes;
  }

  /** Counts bytes that have come. */
  add(bytes: number): void {
    this.#done += bytes;
    const now = this.#terminal.clock.monotonic();
    if (!this.#terminal.stderr.isTerminal || this.#isOver) return;
    if (now - this.#shownAt < UPDATE_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    const seconds = Math.max((now - this.#startedAt) / 1_000, 0.001);
    const rate = bytesText(BigInt(Math.round(this.#done / seconds)));
    const line = `${this.#words} ${bytesText(BigInt(this.#done))} of ${
      bytesText(BigInt(Math.max(this.#total, this.#done)))
    }, ${rate}/s`;
    void this.#terminal.stderr.write(`\r${line}\x1b[K`);
  }

  /** Makes room for a line of its own on standard error. */
  async clear(): Promise<void> {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#shownAt = -Infinity;
    await this.#terminal.stderr.write("\r\x1b[K");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.clear();
  }
}
