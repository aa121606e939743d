import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../../lib/base/clock.ts";

/** 2026-01-01T00:00:00Z */
const START = Date.UTC(2026, 0, 1);

/** A clock that advances only when no other work is left. */
export class FuzzClock implements Clock {
  readonly #timers = new Set<{ at: number; callback: () => void }>();
  #elapsed = 0;

  /** Number of timers that are set. A connection that has ended must leave none. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return START + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  timer(ms: number, callback: () => void): Timer {
    const timer = { at: this.#elapsed + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Advances to the next timer and fires it. Returns false if there is none. */
  skip(): boolean {
    let next: { at: number; callback: () => void } | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.at < next.at) next = timer;
    }
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#elapsed = Math.max(this.#elapsed, next.at);
    next.callback();
    return true;
  }
}

/** Waits for a turn of the event loop, after which all promises that needed nothing else have settled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
