import type { Clock, Timer } from "./clock.ts";

/** Time between two looks at the clock while nothing else looks, in milliseconds. */
const BEAT_MS = 5_000;

/**
 * Notices that this process has stood still: it was stopped by a signal, its machine was suspended or paused, or it got no
 * time to run.
 *
 * It compares the time between two looks with what is usual. A stop that is longer than the limit is always noticed, one
 * that is shorter by less than a beat may be.
 */
export class Standstill implements Disposable {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #noticed: (ms: number) => void;
  #timer: Timer | undefined;
  #monotonic: number;
  #wall: number;
  #suspended: number | undefined;

  /** Calls `noticed` with the time that passed, in milliseconds, in the first look after a stop. */
  constructor(
    clock: Clock,
    limitMs: number,
    noticed: (ms: number) => void,
  ) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#noticed = noticed;
    this.#monotonic = clock.monotonic();
    this.#wall = clock.now();
    this.#suspended = clock.suspended?.();
    this.#beat();
  }

  /** Looks at the clock now. Cheap. */
  look(): void {
    this.#look({ asks: false });
  }

  /** `asks` reads how long the machine was suspended, whatever the time of day says. */
  #look({ asks }: { readonly asks: boolean }): void {
    const passed = this.#passed(asks);
    if (passed > this.#limitMs) this.#noticed(passed);
  }

  /** Stops looking. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #beat(): void {
    this.#timer = this.#clock.timer(BEAT_MS, () => {
      this.#look({ asks: true });
      this.#beat();
    });
  }

  /** Milliseconds since the last look. */
  #passed(asks: boolean): number {
    const monotonic = this.#clock.monotonic();
    const wall = this.#clock.now();
    const ran = monotonic - this.#monotonic;
    const shown = wall - this.#wall;
    this.#monotonic = monotonic;
    this.#wall = wall;
    // The monotonic clock of some systems stops while the machine is suspended. The time of day tells at once, and
    // somebody may have set that.
    const hasJumped = shown > this.#limitMs;
    if (ran > this.#limitMs || !asks && !hasJumped) return ran;
    return ran + this.#suspendedMs(hasJumped ? shown - ran : 0);
  }

  /** Milliseconds that the machine was suspended; `presumed` where the system does not tell. */
  #suspendedMs(presumed: number): number {
    const suspended = this.#clock.suspended?.();
    if (suspended === undefined || this.#suspended === undefined) {
      return presumed;
    }
    const passed = suspended - this.#suspended;
    this.#suspended = suspended;
    return passed;
  }
}
