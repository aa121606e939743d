import type { Clock } from "../../base/clock.ts";

/** Failed dials in a row that are told each. */
const TOLD_FAILURES = 5;

/** Time after which one more of them is told, in milliseconds. */
const SILENCE_MS = 600_000;

/**
 * Chooses the failed dials that the log tells. A Manager may be away for weeks, as between two CI jobs, and one line for
 * each dial would fill the log.
 */
export class DialFailures {
  readonly #clock: Clock;
  #count = 0;
  #untold = 0;
  #text = "";
  #toldAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Forgets the failures: a dial has succeeded. */
  clear(): void {
    this.#count = 0;
    this.#untold = 0;
  }

  /**
   * Counts a failure. Returns undefined if it is not to be told, else the number of those before it that were not: the
   * first five in a row are told, one with another text, and one every 10 minutes.
   */
  note(text: string): number | undefined {
    const now = this.#clock.monotonic();
    this.#count++;
    const isTold = this.#count <= TOLD_FAILURES || text !== this.#text ||
      now - this.#toldAt >= SILENCE_MS;
    if (!isTold) {
      this.#untold++;
      return undefined;
    }
    const untold = this.#untold;
    this.#untold = 0;
    this.#text = text;
    this.#toldAt = now;
    return untold;
  }
}
