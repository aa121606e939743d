import { type Clock, sleep } from "../base/clock.ts";

/** Longest time of one slice, in milliseconds. */
const SLICE_MS = 10;

/** Slices of long work. Between two of them, all other work of the thread has a turn. */
export class Slices {
  readonly #clock: Clock;
  #end: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#end = this.#nextEnd();
  }

  /** True if other work should have a turn: see `rest`. */
  get isOver(): boolean {
    return this.#clock.monotonic() >= this.#end;
  }

  /** Gives other work a turn, and begins the next slice. */
  async rest(): Promise<void> {
    await sleep(this.#clock, 0);
    this.#end = this.#nextEnd();
  }

  #nextEnd(): number {
    return this.#clock.monotonic() + SLICE_MS;
  }
}
