import type { Clock, Timer } from "../../lib/base/clock.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** The wall clock of a simulation's first moment. */
const START = Date.UTC(2026, 0, 1);

/** A wall clock that an administrator may set. */
export interface Wall {
  offsetMs: number;
}

/**
 * One run of a program, from its start to its death. Everything that it asks for passes here: what the dead asked for
 * never settles, and what it still says is not heard.
 */
export class Life {
  readonly #random: SeededRandom;
  readonly #died: () => void;
  #isAlive = true;
  #callsLeft = Infinity;

  /** `died` is called at once when it dies, in the middle of whatever it does. */
  constructor(random: SeededRandom, died: () => void) {
    this.#random = random;
    this.#died = died;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** It dies now. */
  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#died();
  }

  /** It dies at its so-manieth call of a seam from now, which may still be done. */
  endAtCall(count: number): void {
    this.#callsLeft = count;
  }

  /** Counts a call of a seam. False if it is not to be done: the caller is dead. */
  passes(): boolean {
    if (!this.#isAlive) return false;
    this.#callsLeft--;
    if (this.#callsLeft > 0) return true;
    const isDone = this.#random.chance(0.5);
    this.end();
    return isDone;
  }

  /** A call of a seam that answers later. */
  async call<T>(task: () => T | Promise<T>): Promise<T> {
    if (!this.passes()) return await never();
    return await this.guarded(task());
  }

  /** The answer, for as long as there is somebody to hear it. */
  guarded<T>(answer: T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) =>
      void Promise.resolve(answer).then(
        (value) => this.#isAlive && resolve(value),
        (error) => this.#isAlive && reject(error),
      )
    );
  }

  /** The machine's time as this run sees it. */
  clock(time: VirtualTime, wall: Wall): Clock {
    return {
      now: () => Math.floor(START + wall.offsetMs + time.elapsed),
      monotonic: () => time.elapsed,
      timer: (ms, callback): Timer => {
        if (!this.passes()) return { cancel() {} };
        return time.after(ms, () => {
          if (this.#isAlive) callback();
        });
      },
    };
  }
}

/** What the dead asked for. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
