import { type Clock, sleep } from "../lib/base/clock.ts";

/** How those who were cut off come back. */
export interface RedialOptions<T> {
  readonly clock: Clock;
  /** Dials under way at a time. */
  readonly parallel: number;
  /** Undefined if it came through, or after how many milliseconds it is to be tried again. Does not reject. */
  readonly dial: (one: T) => Promise<number | undefined>;
}

/** Dials again and again for each that was cut off, so many at a time, in the order in which they were cut off. */
export class Redialer<T> {
  readonly #options: RedialOptions<T>;
  readonly #waiting: T[] = [];
  readonly #stop = new AbortController();
  #dialling = 0;

  constructor(options: RedialOptions<T>) {
    this.#options = options;
  }

  /** Brings one back. */
  add(one: T): void {
    if (this.#stop.signal.aborted) return;
    this.#waiting.push(one);
    if (this.#dialling < this.#options.parallel) void this.#work();
  }

  /** No more dials begin. */
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
