import type { Clock, Timer } from "../../base/clock.ts";

/** Longest delay of a timer, in milliseconds: setTimeout takes 31 bits. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Timers that end together. */
export class Timers {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back at a time, in milliseconds since 1970; soon if it has passed. */
  at(time: number, run: () => void): void {
    if (this.#isClosed) return;
    const left = Math.max(0, time - this.#clock.now());
    const timer = this.#clock.timer(Math.min(left, MAX_TIMER_MS), () => {
      this.#timers.delete(timer);
      if (left > MAX_TIMER_MS) this.at(time, run);
      else run();
    });
    this.#timers.add(timer);
  }

  /** Calls back after a time, in milliseconds. */
  after(ms: number, run: () => void): void {
    this.at(this.#clock.now() + ms, run);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
