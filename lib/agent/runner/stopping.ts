import type { Clock, Timer } from "../../base/clock.ts";
import type { WorkHandle } from "../workers/workers.ts";

/** Why a command was asked to end before it did by itself. */
export type StopReason =
  | "cancelled"
  | "timedOut"
  | "agentStopped"
  | "linkLost";

/** After SIGKILL a worker has so long to tell the outcome before it is given up, milliseconds. */
const GIVE_UP_MS = 10_000;

/** The end of a command that is running: asked for politely, then by force, then given up. */
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

  /** What was asked first, which is what the command's end is called. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Asks for the end; asked again, the grace can only become shorter. */
  ask(reason: StopReason, graceMs: number): void {
    // Its result is being written: nothing is left to end.
    if (this.#over) return;
    const isFirst = this.#reason === undefined;
    this.#reason ??= reason;
    const killAt = this.#clock.monotonic() + graceMs;
    if (killAt < this.#killAt) {
      this.#killAt = killAt;
      this.#timer?.cancel();
      this.#timer = this.#clock.timer(graceMs, () => this.#kill());
    }
    // Last: the end may come before `stop` returns.
    if (isFirst) this.#handle.stop();
  }

  /** It has ended. */
  done(): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  #kill(): void {
    // Set first: the end may come before `kill` returns.
    this.#timer = this.#clock.timer(GIVE_UP_MS, () => {
      this.#handle.abandon();
      this.#gaveUp();
    });
    this.#handle.kill();
  }
}
