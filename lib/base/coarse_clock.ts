import type { Clock, Timer } from "./clock.ts";

/** Timers end together at multiples of so many milliseconds: none is late by more. */
export const TICK_MS = 50;

/** Shorter timers are left as they are, milliseconds. */
const SHORT_MS = 1_000;

/**
 * A clock for very many timers that need not be exact, as those of connections: one of the other clock's for all that end
 * in the same tick, where one each takes more memory, and more time to set and cancel, than most of what it watches.
 */
export class CoarseClock implements Clock {
  readonly #clock: Clock;
  /** By the tick, counted from the clock's zero; in each in the order in which they were set. */
  readonly #ticks = new Map<number, Tick>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  timer(ms: number, callback: () => void): Timer {
    if (ms < SHORT_MS) return this.#clock.timer(ms, callback);
    const now = this.#clock.monotonic();
    const at = Math.ceil((now + ms) / TICK_MS);
    let tick = this.#ticks.get(at);
    if (tick === undefined) {
      const timer = this.#clock.timer(at * TICK_MS - now, () => this.#end(at));
      tick = new Tick(timer, () => this.#ticks.delete(at));
      this.#ticks.set(at, tick);
    }
    return tick.add(callback);
  }

  #end(at: number): void {
    const tick = this.#ticks.get(at);
    // What is set by one that ends is never for the same tick.
    this.#ticks.delete(at);
    tick?.end();
  }
}

/** All timers that end at the same moment. */
class Tick {
  readonly #timer: Timer;
  readonly #dropped: () => void;
  readonly #members = new Set<Member>();

  /** `dropped` is called when all of its timers were cancelled. */
  constructor(timer: Timer, dropped: () => void) {
    this.#timer = timer;
    this.#dropped = dropped;
  }

  add(callback: () => void): Timer {
    const member = new Member(this, callback);
    this.#members.add(member);
    return member;
  }

  delete(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#timer.cancel();
    this.#dropped();
  }

  /** One that is cancelled by another before it is not called any more. */
  end(): void {
    for (const member of this.#members) {
      this.#members.delete(member);
      member.callback();
    }
  }
}

class Member implements Timer {
  readonly #tick: Tick;
  readonly callback: () => void;

  constructor(tick: Tick, callback: () => void) {
    this.#tick = tick;
    this.callback = callback;
  }

  cancel(): void {
    this.#tick.delete(this);
  }
}
