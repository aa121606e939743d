import type { Clock } from "../base/clock.ts";

/** What may wait waits so long at most, milliseconds. */
export const LATER_MS = 100;

/**
 * Does what may wait a little, for many connections at once: one timer for all of them, where one each would cost as much
 * as a write.
 */
export class Later {
  readonly #clock: Clock;
  readonly #ms: number;
  #waiting: (() => void)[] = [];

  /** With 0 milliseconds nothing waits. */
  constructor(clock: Clock, ms = LATER_MS) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** Calls back in time. */
  add(run: () => void): void {
    if (this.#ms === 0) return run();
    this.#waiting.push(run);
    if (this.#waiting.length > 1) return;
    this.#clock.timer(this.#ms, () => {
      const due = this.#waiting;
      this.#waiting = [];
      for (const each of due) each();
    });
  }
}
