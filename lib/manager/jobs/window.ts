import type { Clock, Timer } from "../../base/clock.ts";

/** Places of the commands of a job that run at the same time. */
export class Window {
  readonly #size: number;
  readonly #pauseMs: number;
  readonly #clock: Clock;
  readonly #freed: () => void;
  readonly #pauses = new Set<Timer>();
  #taken = 0;

  /**
   * @param size Number of places; Infinity for no limit.
   * @param options `pauseMs` is the time in which a place stays taken after the end of its command. `freed` is called
   * whenever such a time is over.
   */
  constructor(
    size: number,
    { pauseMs, clock, freed }: {
      readonly pauseMs: number;
      readonly clock: Clock;
      readonly freed: () => void;
    },
  ) {
    this.#size = size;
    this.#pauseMs = pauseMs;
    this.#clock = clock;
    this.#freed = freed;
  }

  /** Number of free places. */
  get free(): number {
    return Math.max(0, this.#size - this.#taken);
  }

  take(places: number): void {
    this.#taken += places;
  }

  /** Gives places back that were not used. */
  giveBack(places: number): void {
    this.#taken -= places;
  }

  /** Notes the end of a command. */
  ended(pauseMs = this.#pauseMs): void {
    if (pauseMs <= 0 || this.#size === Infinity) {
      this.#taken--;
      return;
    }
    const timer = this.#clock.timer(pauseMs, () => {
      this.#pauses.delete(timer);
      this.#taken--;
      this.#freed();
    });
    this.#pauses.add(timer);
  }

  close(): void {
    for (const timer of this.#pauses) timer.cancel();
    this.#pauses.clear();
  }
}
