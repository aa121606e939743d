import type { Clock, Timer } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

/** Runs a step of a trial, whose failure must not end the program: the deadline, or the guard, has the last word. */
export function runCarefully(step: () => Promise<void>, log: Logger): void {
  step().catch((error) => log.error("{error}", { error: messageOf(error) }));
}

/** Timer of a step of a trial. */
export class StepTimer {
  readonly #clock: Clock;
  readonly #log: Logger;
  #timer: Timer | undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Runs a step after this time, at once if it is over, instead of the one that waits. */
  start(ms: number, step: () => Promise<void>): void {
    this.cancel();
    this.#timer = this.#clock.timer(
      Math.max(ms, 0),
      () => runCarefully(step, this.#log),
    );
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}
