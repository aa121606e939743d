import type { Clock } from "../base/clock.ts";

/** Longest delay of a deferred message, in milliseconds. */
export const LATER_MS = 100;

/** Defers work of many connections by one shared timer. A timer for each of them would cost as much as a write. */
export class Later {
  readonly #clock: Clock;
  readonly #ms: number;
  #waiting: (() => void)[] = [];

  /** Defers for at most `ms` milliseconds; nothing if 0. */
  constructor(clock: Clock, ms = LATER_MS) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** Calls `run` once, within the delay. */
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
