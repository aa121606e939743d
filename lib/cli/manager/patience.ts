import type { PiriError } from "../../base/errors.ts";
import { PRESUMED_AFTER_MS } from "../../base/limits.ts";
import { HintedError } from "../errors.ts";
import type { Terminal } from "../terminal.ts";
import type { Follower } from "./follower.ts";
import { commandsText, watchLine } from "./ids.ts";
import { userOf } from "./signature.ts";

/** Time beyond the timeout before waiting ends, in milliseconds: the Manager has presumed an end by then. */
const BEYOND_TIMEOUT_MS = PRESUMED_AFTER_MS + 5_000;

/** Limit on waiting: until the second Ctrl-C, or a while after the timeout of the commands. */
export class Patience implements Disposable {
  readonly #terminal: Terminal;
  readonly #stop = new AbortController();
  readonly #undo = new DisposableStack();
  #follower: Follower | undefined;
  #interrupts = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#undo.use(terminal.onInterrupt(() => this.#interrupted()));
  }

  /** Aborted at the limit, with the error to show. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Makes the first Ctrl-C cancel these commands, even if it was pressed before. */
  cancels(follower: Follower): void {
    this.#follower = follower;
    if (this.#interrupts > 0) this.#cancel();
  }

  /** Stops waiting a while after this timeout. The commands go on, because only their agents end them. */
  limit(timeoutMs: number): void {
    const wait = timeoutMs + BEYOND_TIMEOUT_MS;
    const timer = this.#terminal.clock.timer(wait, () => {
      const open = this.#follower?.open ?? [];
      this.#giveUp(
        new HintedError(
          "TIMED_OUT",
          `Cannot wait longer for ${
            commandsText(open)
          }: no result has come within ${wait / 1_000} s`,
          watchLine(open),
        ),
      );
    });
    this.#undo.defer(() => timer.cancel());
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
    // What was asked for and is not answered yet has nobody left who waits for it.
    this.#stop.abort();
  }

  #interrupted(): void {
    this.#interrupts++;
    if (this.#interrupts === 1) this.#cancel();
    else this.#giveUp(this.#impatience());
  }

  #cancel(): void {
    this.#follower?.cancel(userOf(this.#terminal), this.signal); // never rejects
  }

  #impatience(): PiriError {
    if (this.#follower === undefined) {
      return new HintedError(
        "CANCELLED",
        "Cannot tell whether anything was started: the Manager has not answered yet",
        "piri-manager commands",
      );
    }
    const { open, cancelRequested } = this.#follower;
    return new HintedError(
      "CANCELLED",
      `Stopped waiting for ${commandsText(open)}: ${
        cancelRequested ? "cancel requested" : "cancel not confirmed"
      }`,
      watchLine(open),
    );
  }

  #giveUp(error: PiriError): void {
    this.#stop.abort(error);
  }
}
