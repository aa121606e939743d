import type { Clock, Timer } from "../base/clock.ts";

/** How often this side pings, and how long it waits for any sign of life. Milliseconds. */
export interface LivenessTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** protocol.md section 4. */
export const LIVENESS: LivenessTimes = {
  intervalMs: 15_000,
  timeoutMs: 10_000,
};

/** What a Liveness needs of its owner. */
export interface LivenessOwner {
  /** Sends a Ping; must not wait. */
  ping(): void;
  /** The peer gave no sign of life in time. */
  dead(): void;
}

/**
 * Finds a silent peer.
 *
 * A Ping becomes due every interval. If nothing at all comes from the peer within the timeout of a moment at which one
 * was due, whether or not it could be written, the peer is dead.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #times: LivenessTimes;
  readonly #owner: LivenessOwner;
  #timer: Timer | undefined;
  #heardAt: number;
  #nextPingAt: number;
  /** When the oldest Ping that is not settled was due. */
  #unsettledAt: number | undefined;

  constructor(clock: Clock, times: LivenessTimes, owner: LivenessOwner) {
    this.#clock = clock;
    this.#times = times;
    this.#owner = owner;
    this.#heardAt = clock.monotonic();
    this.#nextPingAt = this.#heardAt + times.intervalMs;
    this.#schedule();
  }

  /** Bytes came from the peer. Cheap: no timer is touched. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): void {
    const deadAt = this.#unsettledAt === undefined
      ? Infinity
      : this.#unsettledAt + this.#times.timeoutMs;
    const at = Math.min(this.#nextPingAt, deadAt);
    this.#timer = this.#clock.timer(
      at - this.#clock.monotonic(),
      () => this.#tick(),
    );
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    if (this.#unsettledAt !== undefined && this.#heardAt >= this.#unsettledAt) {
      this.#unsettledAt = undefined;
    }
    if (
      this.#unsettledAt !== undefined &&
      now - this.#unsettledAt >= this.#times.timeoutMs
    ) {
      this.#owner.dead();
      return;
    }
    if (now >= this.#nextPingAt) {
      this.#unsettledAt ??= now;
      this.#nextPingAt = now + this.#times.intervalMs;
      this.#owner.ping();
    }
    this.#schedule();
  }
}
