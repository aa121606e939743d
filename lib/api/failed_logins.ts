import type { Clock } from "../base/clock.ts";
import { networkOf } from "../base/ip.ts";

/** Failures of an address within a minute, after which it is held up. */
const MAX_FAILURES = 20;

/** Time in which failures are counted, in milliseconds. */
const COUNT_MS = 60_000;

/** First hold, in milliseconds. Each further one is twice as long. */
const HOLD_MS = 60_000;

/** Longest hold, in milliseconds. After as much time without a failure the holds begin anew. */
const MAX_HOLD_MS = 600_000;

/** Most addresses that are told apart. Those that failed longest ago are forgotten first. */
const MAX_ADDRESSES = 10_000;

/** Failures of an address. Times are monotonic. */
interface Failures {
  since: number;
  count: number;
  /** End of the hold. */
  heldUntil: number;
  /** Length of the next hold, in milliseconds. */
  holdMs: number;
}

/** Addresses of strangers from which codes are not looked at for a while, after too many failures. */
export class FailedLogins {
  readonly #clock: Pick<Clock, "monotonic">;
  /** Failures by address, or network of IPv6; the latest failure last. */
  readonly #failures = new Map<string, Failures>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** True while nothing from this address is looked at. */
  isHeld(address: string): boolean {
    const failures = this.#failures.get(networkOf(address));
    return failures !== undefined &&
      this.#clock.monotonic() < failures.heldUntil;
  }

  /** Counts a failure. Those while an address is held do not count. */
  note(address: string): void {
    const key = networkOf(address);
    const now = this.#clock.monotonic();
    const failures = this.#failures.get(key) ??
      { since: now, count: 0, heldUntil: now, holdMs: HOLD_MS };
    if (now < failures.heldUntil) return;
    if (now - failures.since >= COUNT_MS) {
      if (now - Math.max(failures.since, failures.heldUntil) >= MAX_HOLD_MS) {
        failures.holdMs = HOLD_MS;
      }
      failures.since = now;
      failures.count = 0;
    }
    failures.count++;
    if (failures.count >= MAX_FAILURES) {
      failures.heldUntil = now + failures.holdMs;
      failures.holdMs = Math.min(2 * failures.holdMs, MAX_HOLD_MS);
      failures.since = failures.heldUntil;
      failures.count = 0;
    }
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MAX_ADDRESSES && oldest !== undefined) {
      this.#failures.delete(oldest);
    }
  }
}
