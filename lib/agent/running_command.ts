import type { Clock, Timer } from "../base/clock.ts";
import type { JobHandle } from "./workers.ts";

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
  readonly #handle: JobHandle;
  readonly #gaveUp: () => void;
  #reason: StopReason | undefined;
  #killAt = Infinity;
  #timer: Timer | undefined;

  constructor(clock: Clock, handle: JobHandle, gaveUp: () => void) {
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
    if (this.#reason === undefined) {
      this.#reason = reason;
      this.#handle.stop();
    }
    const killAt = this.#clock.monotonic() + graceMs;
    if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(graceMs, () => this.#kill());
  }

  /** It has ended. */
  done(): void {
    this.#timer?.cancel();
  }

  #kill(): void {
    this.#handle.kill();
    this.#timer = this.#clock.timer(GIVE_UP_MS, () => {
      this.#handle.abandon();
      this.#gaveUp();
    });
  }
}
