import type { Clock, Timer } from "../base/clock.ts";

/** Interval of pings, and longest wait for a sign of life. */
export interface LivenessTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** The times of protocol.md section 4. */
export const LIVENESS: LivenessTimes = {
  intervalMs: 15_000,
  timeoutMs: 10_000,
};

/** The owner of a Liveness. */
export interface LivenessOwner {
  /** Sends a Ping; must not wait. */
  ping(): void;
  /** Called once, when the peer gave no sign of life in time. */
  dead(): void;
}

/**
 * Finds a silent peer.
 *
 * A Ping becomes due every interval. The peer is dead if no byte arrives from it within the timeout of a due Ping, even
 * if that Ping could not be written.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #times: LivenessTimes;
  readonly #owner: LivenessOwner;
  #timer: Timer | undefined;
  #heardAt: number;
  #nextPingAt: number;
  /** Time at which the oldest unsettled Ping was due. */
  #unsettledAt: number | undefined;

  constructor(clock: Clock, times: LivenessTimes, owner: LivenessOwner) {
    this.#clock = clock;
    this.#times = times;
    this.#owner = owner;
    this.#heardAt = clock.monotonic();
    this.#nextPingAt = this.#heardAt + times.intervalMs;
    this.#schedule();
  }

  /** Notes that bytes arrived from the peer. Cheap: no timer is touched. */
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
