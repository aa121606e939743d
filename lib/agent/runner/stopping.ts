import type { Clock, Timer } from "../../base/clock.ts";
import type { WorkHandle } from "../workers/workers.ts";

/** Reason for ending a command early. */
export type StopReason =
  | "cancelled"
  | "timedOut"
  | "agentStopped"
  | "linkLost"
  | "policyTime"
  | "policyOutput";

/** Time that a worker has after SIGKILL to report the outcome before it is given up, in milliseconds. */
const GIVE_UP_MS = 10_000;

/** End of a running command: asked for politely, then forced, then given up. */
export class Stopping {
  readonly #clock: Clock;
  readonly #handle: WorkHandle;
  readonly #gaveUp: () => void;
  #reason: StopReason | undefined;
  #killAt = Infinity;
  #timer: Timer | undefined;
  #over = false;

  constructor(clock: Clock, handle: WorkHandle, gaveUp: () => void) {
    this.#clock = clock;
    this.#handle = handle;
    this.#gaveUp = gaveUp;
  }

  /** First reason for the end; the command's status is named after it. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Asks for the end. A repeated call can only shorten the grace. */
  ask(reason: StopReason, graceMs: number): void {
    // The result is being written, so there is nothing left to end.
    if (this.#over) return;
    const isFirst = this.#reason === undefined;
    this.#reason ??= reason;
    const killAt = this.#clock.monotonic() + graceMs;
    if (killAt < this.#killAt) {
      this.#killAt = killAt;
      this.#timer?.cancel();
      this.#timer = this.#clock.timer(graceMs, () => this.#kill());
    }
    // Last, because the end may come before `stop` returns.
    if (isFirst) this.#handle.stop();
  }

  /** Notes that the command has ended. */
  done(): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  #kill(): void {
    // Set first, because the end may come before `kill` returns.
    this.#timer = this.#clock.timer(GIVE_UP_MS, () => {
      this.#handle.abandon();
      this.#gaveUp();
    });
    this.#handle.kill();
  }
}
