import { type Clock, systemClock } from "./clock.ts";

/** Time up to which a call may block its thread, in milliseconds. */
const QUICK_MS = 5;

/** Both ways to make one call. */
interface Ways<T> {
  /** Blocks this thread. */
  readonly here: () => T;
  /** Has another thread make the call. */
  readonly elsewhere: () => Promise<T>;
}

/**
 * Calls of one kind to a disk. Another thread costs more than a quick call itself, so a call blocks this thread if the
 * one before was quick. A disk that has become slow so holds it once.
 */
export class QuickCalls {
  readonly #clock: Clock;
  #wasQuick = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async call<T>({ here, elsewhere }: Ways<T>): Promise<T> {
    const began = this.#clock.monotonic();
    try {
      return this.#wasQuick ? here() : await elsewhere();
    } finally {
      this.#wasQuick = this.#clock.monotonic() - began < QUICK_MS;
    }
  }
}
