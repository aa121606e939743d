import { type Clock, sleep } from "../lib/base/clock.ts";

export interface RedialOptions<T> {
  readonly clock: Clock;
  /** Number of dials under way at a time. */
  readonly parallel: number;
  /**
   * Dials once. Returns undefined if it got through, or the pause until the next dial in milliseconds. Does not reject.
   */
  readonly dial: (one: T) => Promise<number | undefined>;
}

/**
 * Dials until each item that was cut off is back, a limited number at a time, in the order in which they were cut off.
 */
export class Redialer<T> {
  readonly #options: RedialOptions<T>;
  readonly #waiting: T[] = [];
  readonly #stop = new AbortController();
  #dialling = 0;

  constructor(options: RedialOptions<T>) {
    this.#options = options;
  }

  /** Brings an item back. */
  add(one: T): void {
    if (this.#stop.signal.aborted) return;
    this.#waiting.push(one);
    if (this.#dialling < this.#options.parallel) void this.#work();
  }

  /** Begins no more dials. */
  stop(): void {
    this.#stop.abort();
    this.#waiting.length = 0;
  }

  async #work(): Promise<void> {
    this.#dialling++;
    for (;;) {
      const one = this.#waiting.shift();
      if (one === undefined) break;
      const pauseMs = await this.#options.dial(one);
      if (pauseMs !== undefined) void this.#later(one, pauseMs);
    }
    this.#dialling--;
  }

  async #later(one: T, pauseMs: number): Promise<void> {
    await sleep(this.#options.clock, pauseMs, this.#stop.signal);
    this.add(one);
  }
}
