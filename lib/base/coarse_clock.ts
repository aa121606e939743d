import type { Clock, Timer } from "./clock.ts";

/** Distance of the moments at which timers end together, in milliseconds. No timer is late by more. */
export const TICK_MS = 50;

/** Timers below this many milliseconds are passed to the underlying clock and stay exact. */
const SHORT_MS = 1_000;

/**
 * Groups timers that end within the same 50 ms, and sets one timer of the underlying clock, for the earliest group. With
 * thousands of connections, one timer each costs more memory and time than the work it guards.
 */
export class CoarseClock implements Clock {
  readonly #clock: Clock;
  /**
   * Pending groups by tick, counted from the clock's zero. Timers of a group end in the order in which they were set.
   */
  readonly #ticks = new Map<number, Tick>();
  #timer: Timer | undefined;
  /** Tick that the underlying timer is set for: none is earlier. Its own group may be gone. */
  #setFor = Infinity;

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
      tick = new Tick(() => this.#drop(at));
      this.#ticks.set(at, tick);
      if (at < this.#setFor) this.#set(at);
    }
    return tick.add(callback);
  }

  #set(at: number): void {
    this.#timer?.cancel();
    this.#setFor = at;
    const ms = at * TICK_MS - this.#clock.monotonic();
    this.#timer = this.#clock.timer(ms, () => this.#ring());
  }

  #unset(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#setFor = Infinity;
  }

  /** Drops a group of cancelled timers. The underlying timer stays for the others: most groups come and go. */
  #drop(at: number): void {
    this.#ticks.delete(at);
    if (this.#ticks.size === 0) this.#unset();
  }

  /** Ends all groups that are due, the earliest first, and waits for the next one. */
  #ring(): void {
    const reached = Math.floor(this.#clock.monotonic() / TICK_MS);
    const last = Math.max(this.#setFor, reached);
    this.#unset();
    const due = [...this.#ticks.keys()].filter((at) => at <= last);
    try {
      for (const at of due.toSorted((one, other) => one - other)) this.#end(at);
    } finally {
      // A callback that threw must not hold up the others.
      const next = Math.min(...this.#ticks.keys());
      if (next < this.#setFor) this.#set(next);
    }
  }

  #end(at: number): void {
    const tick = this.#ticks.get(at);
    // A timer that is set while these end belongs to a later tick, so it cannot get lost here.
    this.#ticks.delete(at);
    tick?.end();
  }
}

/** Group of all timers that end at the same moment. */
class Tick {
  readonly #dropped: () => void;
  readonly #members = new Set<Member>();

  /** Calls `dropped` when all timers of the group were cancelled. */
  constructor(dropped: () => void) {
    this.#dropped = dropped;
  }

  add(callback: () => void): Timer {
    const member = new Member(this, callback);
    this.#members.add(member);
    return member;
  }

  delete(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#dropped();
  }

  /** Ends the group. A timer that an earlier one of the group cancels is not called any more. */
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
