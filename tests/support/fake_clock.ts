import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../lib/base/clock.ts";

/** 2026-01-01T00:00:00Z */
const START = Date.UTC(2026, 0, 1);

/** Turns of the event loop for work that is ready; promises and streams need several to pass results on. */
const TURNS = 20;

/** Clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  readonly #timers = new Set<FakeTimer>();
  #elapsed = 0;
  #wall: number;

  constructor(start = START) {
    this.#wall = start;
  }

  /** Count of pending timers. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#wall + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  timer(ms: number, callback: () => void): Timer {
    const timer = new FakeTimer(this.#elapsed + Math.max(0, ms), callback);
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /**
   * Moves on by `ms` milliseconds. Timers fire at their time and in order, and the effects of each happen before the
   * next.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await this.settle();
    while (this.#fireNext(end)) await this.settle();
    this.#elapsed = end;
    await this.settle();
  }

  /** Does the same as `advance`, but at once: timers fire, and no code that awaits a promise gets a turn. */
  advanceNow(ms: number): void {
    const end = this.#elapsed + ms;
    while (this.#fireNext(end));
    this.#elapsed = end;
  }

  /** Moves on by `ms` milliseconds in which nothing could run. Timers that are due fire in the next `advance`. */
  standStill(ms: number): void {
    this.#elapsed += ms;
  }

  /** Sets the wall clock forward or back, as an administrator does. Timers and `monotonic` are not affected. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Lets everything happen that waits neither for a timer nor for anything outside this process. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #fireNext(end: number): boolean {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) {
        next = timer;
      }
    }
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#elapsed = Math.max(this.#elapsed, next.at);
    next.callback();
    return true;
  }
}

class FakeTimer {
  constructor(readonly at: number, readonly callback: () => void) {}
}
