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

/** Grace below which nothing is waited for, in milliseconds. */
const NOW_MS = 1_000;
/** Longest wait for a program that must not be ended half done, in milliseconds. */
const SHIELD_MS = 600_000;
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
  #isShielded = false;
  /** Shortest grace that was asked for. */
  #graceMs = Infinity;
  #isKilled = false;

  constructor(clock: Clock, handle: WorkHandle, gaveUp: () => void) {
    this.#clock = clock;
    this.#handle = handle;
    this.#gaveUp = gaveUp;
  }

  /** First reason for the end; the command's status is named after it. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /**
   * Asks for the end. A repeated call can only shorten the grace. A shielded program ends by itself, unless the grace is
   * under a second.
   */
  ask(reason: StopReason, graceMs: number): void {
    // The result is being written, so there is nothing left to end.
    if (this.#over) return;
    const isFirst = this.#reason === undefined;
    this.#reason ??= reason;
    this.#graceMs = Math.min(graceMs, this.#graceMs);
    this.#killWithin(this.#waits ? SHIELD_MS : graceMs);
    // Last, because the end may come before `stop` returns.
    if (isFirst) this.#handle.stop();
  }

  /** Notes that a program which must not be ended half done begins, or is over. */
  shield(isOn: boolean): void {
    this.#isShielded = isOn;
    if (this.#over || this.#reason === undefined || this.#isKilled) return;
    // It may have begun before its worker could hear of the end.
    if (this.#waits) this.#killAt = Infinity;
    this.#killWithin(this.#waits ? SHIELD_MS : this.#graceMs);
  }

  get #waits(): boolean {
    return this.#isShielded && this.#graceMs >= NOW_MS;
  }

  #killWithin(ms: number): void {
    const killAt = this.#clock.monotonic() + ms;
    if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(ms, () => this.#kill());
  }

  /** Notes that the command has ended. */
  done(): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  #kill(): void {
    this.#isKilled = true;
    // Set first, because the end may come before `kill` returns.
    this.#timer = this.#clock.timer(GIVE_UP_MS, () => {
      this.#handle.abandon();
      this.#gaveUp();
    });
    this.#handle.kill();
  }
}
