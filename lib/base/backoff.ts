import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** How a Backoff waits, all in milliseconds. */
export interface BackoffOptions {
  /** The first window. */
  readonly first: number;
  /** The widest window. */
  readonly most: number;
  /** A time of success after which the window is the first one again. */
  readonly resetAfter: number;
}

/** What an Agent does between two dials: protocol.md section 4. */
export const RECONNECT: BackoffOptions = {
  first: 1_000,
  most: 60_000,
  resetAfter: 60_000,
};

/**
 * Windowed full jitter: waits a random part of a window that doubles with each failure.
 *
 * Source: Exponential Backoff And Jitter, AWS Architecture Blog, 2015 ("full jitter").
 */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  readonly #clock: Clock;
  #window: number;
  #succeededAt: number | undefined;

  constructor(options: BackoffOptions, clock: Clock, random: Random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#window = options.first;
  }

  /** Tells that it worked: the window is the first one again once it has worked for long enough. */
  succeeded(): void {
    this.#succeededAt = this.#clock.monotonic();
  }

  /**
   * How long to wait now, in milliseconds.
   *
   * `atLeast` is waited out first and widens the window to itself, so that those who were all told the same do not come
   * back together. `windowAtLeast` widens the window alone.
   */
  next(
    { atLeast = 0, windowAtLeast = 0 }: {
      atLeast?: number;
      windowAtLeast?: number;
    } = {},
  ): number {
    if (
      this.#succeededAt !== undefined &&
      this.#clock.monotonic() - this.#succeededAt >= this.#options.resetAfter
    ) {
      this.#window = this.#options.first;
    }
    this.#succeededAt = undefined;
    this.#window = Math.max(this.#window, windowAtLeast);
    const window = Math.max(this.#window, atLeast);
    this.#window = Math.min(this.#window * 2, this.#options.most);
    return atLeast + this.#random.fraction() * window;
  }
}
