import type { Clock, Timer } from "../../lib/base/clock.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Wall clock at the first moment of a simulation. */
export const START = Date.UTC(2026, 0, 1);

/** Wall clock that an administrator may set. */
export interface Wall {
  offsetMs: number;
}

/**
 * One run of a program, from its start to its death. All its calls pass through here: calls of a dead program never
 * settle, and its messages are dropped.
 */
export class Life {
  readonly #random: SeededRandom;
  readonly #died: () => void;
  #isAlive = true;
  #callsLeft = Infinity;
  /** Events that it misses while it stands still; undefined while it does not. */
  #missed: (() => void)[] | undefined;

  /** Calls `died` at the moment of death, in the middle of any work. */
  constructor(random: SeededRandom, died: () => void) {
    this.#random = random;
    this.#died = died;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Ends the run now. */
  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#died();
  }

  get standsStill(): boolean {
    return this.#missed !== undefined;
  }

  /** Stops the run. What happens to it meanwhile happens when it goes on. */
  standStill(): void {
    this.#missed ??= [];
  }

  /** Lets a run that stands still go on. */
  goOn(): void {
    const missed = this.#missed ?? [];
    this.#missed = undefined;
    for (const each of missed) each();
  }

  /** Calls back as soon as the run does not stand still. Never, if it dies before. */
  whenItRuns(callback: () => void): void {
    if (this.#missed !== undefined) {
      this.#missed.push(() => this.whenItRuns(callback));
    } else if (this.#isAlive) callback();
  }

  /** Ends the run at its `count`-th call from now. That call may still be carried out. */
  endAtCall(count: number): void {
    this.#callsLeft = count;
  }

  /** Counts a call. False if it must not be carried out, because the caller is dead. */
  passes(): boolean {
    if (!this.#isAlive) return false;
    this.#callsLeft--;
    if (this.#callsLeft > 0) return true;
    const isDone = this.#random.chance(0.5);
    this.end();
    return isDone;
  }

  /** Carries out a call that answers later. */
  async call<T>(task: () => T | Promise<T>): Promise<T> {
    if (!this.passes()) return await never();
    return await this.guarded(task());
  }

  /** Passes on an answer as long as the caller is alive. */
  guarded<T>(answer: T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) =>
      void Promise.resolve(answer).then(
        (value) => this.whenItRuns(() => resolve(value)),
        (error) => this.whenItRuns(() => reject(error)),
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
        let isCancelled = false;
        const timer = time.after(ms, () =>
          this.whenItRuns(() => {
            if (!isCancelled) callback();
          }));
        return {
          cancel: () => {
            isCancelled = true;
            timer.cancel();
          },
        };
      },
      suspended: () => 0,
    };
  }
}

/** Answer to a dead caller: never settles. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
