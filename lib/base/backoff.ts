import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** Settings of a Backoff, all in milliseconds. */
export interface BackoffOptions {
  /** Width of the first window. */
  readonly first: number;
  /** Width of the widest window. */
  readonly most: number;
  /** Time of success after which the window starts again at the first width. */
  readonly resetAfter: number;
}

/** Backoff of an Agent between two dials: protocol.md, "Timers". */
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
  #most: number;
  readonly #random: Random;
  readonly #clock: Clock;
  #window: number;
  #succeededAt: number | undefined;

  constructor(options: BackoffOptions, clock: Clock, random: Random) {
    this.#options = options;
    this.#most = options.most;
    this.#clock = clock;
    this.#random = random;
    this.#window = options.first;
  }

  /** Sets the width of the widest window, from now on. */
  limit(most: number): void {
    this.#most = most;
    this.#window = Math.min(this.#window, most);
  }

  /** Starts again at the first width. */
  restart(): void {
    this.#window = this.#options.first;
  }

  /** Reports success. After `resetAfter` of it, the window starts again at the first width. */
  succeeded(): void {
    this.#succeededAt = this.#clock.monotonic();
  }

  /**
   * Chooses the next delay, in milliseconds.
   *
   * `atLeast` is waited out first and widens the window by the same time, so that agents that were all told the same
   * delay do not come back together. `windowAtLeast` only widens the window.
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
    this.#window = Math.min(this.#window * 2, this.#most);
    return atLeast + this.#random.fraction() * window;
  }
}
