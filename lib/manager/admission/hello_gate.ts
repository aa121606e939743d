import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import type { Random } from "../../base/random.ts";
import { Refusal } from "../../wire/connection.ts";

/** Most hellos that are handled at the same time while they are quick: a whole fleet may come back at once. */
export const MAX_HELLOS = 10_000;

/** Most hellos that are handled at the same time while they are slow: the disk stalls, or the machine is overloaded. */
export const MAX_SLOW_HELLOS = 200;

/**
 * Duration from which a hello is slow, in milliseconds. An agent waits for at most 10 s, and a part of them has passed
 * before its hello is handled.
 */
export const SLOW_HELLO_MS = 3_000;

/** Mean interval at which refused agents are asked to come back, in milliseconds. */
const SPACING_MS = 5;

/** Shortest time after which an agent is asked to come back, in milliseconds. */
const MIN_RETRY_MS = 1_000;

/**
 * Longest time after which an agent is asked to come back, in milliseconds. The agent adds a random time of up to the
 * same length, and accepts at most 10 minutes.
 */
const MAX_RETRY_MS = 300_000;

export interface HelloGateOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  /** Most hellos that are handled at the same time; MAX_HELLOS by default. */
  readonly maxHellos?: number;
}

/** A hello that is being handled. */
interface PendingHello {
  /** Monotonic time of its arrival. */
  readonly since: number;
}

/**
 * Limits the number of hellos that are handled at the same time. If more agents come back at once, or the disk stalls,
 * the gate refuses the others at once and tells them when to try again. These times are spread at random over a window,
 * which grows with each refused agent and shrinks as time passes.
 */
export class HelloGate {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #counters: Counters;
  readonly #maxHellos: number;
  /** Hellos that are being handled, the oldest first. */
  readonly #pending = new Set<PendingHello>();
  /** Monotonic time at which all refused agents will have come back. */
  #clearAt = -Infinity;

  constructor(options: HelloGateOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#counters = options.counters;
    this.#maxHellos = options.maxHellos ?? MAX_HELLOS;
  }

  /** Number of hellos that are being handled. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /**
   * Handles a hello if there is room, and settles as `handle` does.
   *
   * @throws {Refusal} BUSY, at once, if there is no room
   */
  async pass<T>(handle: () => Promise<T>): Promise<T> {
    const hello = { since: this.#clock.monotonic() };
    const limit = this.#limitAt(hello.since);
    if (this.#pending.size >= limit) throw this.#refusal(limit);
    this.#pending.add(hello);
    try {
      return await handle();
    } finally {
      this.#pending.delete(hello);
    }
  }

  #limitAt(now: number): number {
    const [oldest] = this.#pending;
    const isSlow = oldest !== undefined && now - oldest.since >= SLOW_HELLO_MS;
    return isSlow
      ? Math.min(this.#maxHellos, MAX_SLOW_HELLOS)
      : this.#maxHellos;
  }

  #refusal(limit: number): Refusal {
    this.#counters.add("hellos_turned_away");
    const now = this.#clock.monotonic();
    const clearAt = Math.max(this.#clearAt, now + MIN_RETRY_MS) + SPACING_MS;
    this.#clearAt = Math.min(clearAt, now + MAX_RETRY_MS);
    const window = this.#clearAt - now - MIN_RETRY_MS;
    const retryAfterMs = MIN_RETRY_MS + this.#random.fraction() * window;
    return new Refusal(
      "BUSY",
      `Cannot look at more than ${limit} hellos at a time`,
      Math.round(retryAfterMs),
    );
  }
}
