import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import type { Random } from "../../base/random.ts";
import { Refusal } from "../../wire/connection.ts";

/** So many hellos are looked at at a time, as long as they do not wait for long: a whole fleet that comes back at once. */
export const MAX_HELLOS = 10_000;

/** So many are when they do: the disk stalls, or the machine cannot follow. */
export const MAX_SLOW = 200;

/** What waits for longer is slow, milliseconds: an agent waits for 10 s, and has been on its way before. */
export const SLOW_MS = 3_000;

/** Those who are turned away are asked to come back one every so often, milliseconds. */
const SPACING_MS = 5;

/** Nobody is asked to come back sooner, milliseconds. */
const MIN_MS = 1_000;

/** The widest window, milliseconds: an agent adds as much again, and counts 10 minutes at most. */
const WIDEST_MS = 300_000;

/** What a gate is made of. */
export interface HelloGateOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  /** So many hellos are looked at at a time; MAX_HELLOS unless said. */
  readonly most?: number;
}

/** A hello that is being looked at. */
interface PendingHello {
  /** Since when, by the monotonic clock. */
  readonly since: number;
}

/**
 * Lets so many hellos in at a time, and no others: when more agents come back at once than can be let in, or the disk
 * stalls, those who would only wait are told at once when to try again. The times are spread at random over a window that
 * grows with each one who is turned away and shrinks as time passes.
 */
export class HelloGate {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #counters: Counters;
  readonly #most: number;
  /** Oldest first. */
  readonly #pending = new Set<PendingHello>();
  /** When all who were turned away will have come back, by the monotonic clock. */
  #clearAt = -Infinity;

  constructor(options: HelloGateOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#counters = options.counters;
    this.#most = options.most ?? MAX_HELLOS;
  }

  /** How many hellos are being looked at. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /**
   * Looks at a hello, if there is room; settles as that does.
   *
   * @throws {Refusal} BUSY, at once
   */
  async pass<T>(look: () => Promise<T>): Promise<T> {
    const hello = { since: this.#clock.monotonic() };
    const most = this.#mostAt(hello.since);
    if (this.#pending.size >= most) throw this.#turnedAway(most);
    this.#pending.add(hello);
    try {
      return await look();
    } finally {
      this.#pending.delete(hello);
    }
  }

  #mostAt(now: number): number {
    const [oldest] = this.#pending;
    const isSlow = oldest !== undefined && now - oldest.since >= SLOW_MS;
    return isSlow ? Math.min(this.#most, MAX_SLOW) : this.#most;
  }

  #turnedAway(most: number): Refusal {
    this.#counters.add("hellos_turned_away");
    const now = this.#clock.monotonic();
    const clearAt = Math.max(this.#clearAt, now + MIN_MS) + SPACING_MS;
    this.#clearAt = Math.min(clearAt, now + WIDEST_MS);
    const window = this.#clearAt - now - MIN_MS;
    const retryAfterMs = MIN_MS + this.#random.fraction() * window;
    return new Refusal(
      "BUSY",
      `Cannot look at more than ${most} hellos at a time`,
      Math.round(retryAfterMs),
    );
  }
}
