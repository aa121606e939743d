import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { ExitError, HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { STOP_SIGNALS, type StopSignal, type Terminal } from "../terminal.ts";
import { QUESTION, Question } from "./question.ts";
import { userOf } from "./signature.ts";
import { hasEnded } from "./states.ts";
import { longestWait, waitedTooLong } from "./wait_limit.ts";

/** Commands or a job under way, which can be cancelled. */
export interface Cancellable {
  /** Name for messages: "command 12", "job j-17". */
  readonly subject: string;
  /** Command line that watches it. */
  readonly watchLine: string;
  /** True if the Manager has recorded a cancel of all of it that is open, and the agents confirm one. */
  readonly cancelRequested: boolean;
  /**
   * Cancels it, once. Never rejects: a failure is shown.
   *
   * @param cause Signal that asked for it, if it should be named.
   */
  cancel(
    requestedBy: string,
    options: { signal: AbortSignal; cause?: string },
  ): Promise<void>;
}

/** Settings of the waiting for a request. */
export interface PatienceOptions {
  /** True if the commands go on whatever happens to this program. */
  readonly detach: boolean;
  /** Command line that lists what may have been started. */
  readonly listLine: string;
  /** True if Ctrl-C asks first: several agents, and a person at a terminal. */
  readonly asks?: boolean;
  /** Shows a message. */
  readonly note: (text: string) => void;
}

/**
 * Limit on waiting: until the second signal, or a while after the timeout of the commands.
 *
 * The first Ctrl-C, SIGTERM or SIGHUP cancels; with `asks`, the first Ctrl-C asks and the second cancels. SIGHUP is
 * never the last one.
 */
export class Patience implements Disposable {
  readonly #terminal: Terminal;
  readonly #options: PatienceOptions;
  readonly #stop = new AbortController();
  readonly #undo = new DisposableStack();
  #target: Cancellable | undefined;
  #question: Question | undefined;
  /** Signal that cancels. */
  #cause: StopSignal | undefined;

  constructor(terminal: Terminal, options: PatienceOptions) {
    this.#terminal = terminal;
    this.#options = options;
    for (const signal of STOP_SIGNALS) {
      this.#undo.use(terminal.onSignal(signal, () => this.#asked(signal)));
    }
  }

  /** Aborted at the limit, with the error to show. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** True once somebody has asked to cancel. */
  get isAsked(): boolean {
    return this.#cause !== undefined;
  }

  /** Makes the first signal cancel this from now on, even if it came before. */
  cancels(target: Cancellable): void {
    this.#target = target;
    if (this.#cause !== undefined) this.#cancel(this.#cause);
  }

  /** Stops waiting for commands a while after this timeout. They go on, because only their agents end them. */
  limit(timeoutMs: number, commands: () => readonly Command[]): void {
    const waitMs = longestWait(timeoutMs);
    const { clock } = this.#terminal;
    const timer = clock.timer(waitMs, () => {
      const open = commands().filter((command) => !hasEnded(command));
      this.#giveUp(waitedTooLong(open, { waitMs, now: clock.now() }));
    });
    this.#undo.defer(() => timer.cancel());
  }

  [Symbol.dispose](): void {
    this.#question?.[Symbol.dispose]();
    this.#undo.dispose();
    // What was asked for and is not answered yet has nobody left who waits for it.
    this.#stop.abort();
  }

  #asked(signal: StopSignal): void {
    // A terminal that goes sends it several times, and nobody is there who is impatient.
    if (signal === "SIGHUP" && this.#cause !== undefined) return;
    if (this.#cause !== undefined || this.#options.detach) {
      return this.#giveUp(this.#impatience());
    }
    if (signal === "SIGINT" && this.#options.asks && this.#target) {
      return this.#ask();
    }
    this.#question?.[Symbol.dispose]();
    this.#cause = signal;
    if (this.#target !== undefined) return this.#cancel(signal);
    this.#options.note(
      `${signal}: waiting for the Manager's answer, to cancel what it starts…`,
    );
  }

  #ask(): void {
    if (this.#question !== undefined) return this.#question.answer("cancel");
    this.#options.note(QUESTION);
    this.#question = new Question(this.#terminal, (answer) => {
      this.#question = undefined;
      if (answer === "leave") return this.#giveUp(this.#leaving());
      if (answer === "go on") return this.#options.note("going on");
      this.#cause = "SIGINT";
      this.#cancel("SIGINT");
    });
  }

  #leaving(): Error {
    const { subject = "", watchLine = "" } = this.#target ?? {};
    return new ExitError(
      new HintedError(
        "CANCELLED",
        `Stopped waiting for ${subject}: what runs goes on`,
        watchLine,
      ),
      ExitCode.left,
    );
  }

  #cancel(signal: StopSignal): void {
    // Whoever has pressed Ctrl-C knows it.
    const cause = signal === "SIGINT" ? {} : { cause: signal };
    this.#target?.cancel(userOf(this.#terminal), {
      signal: this.signal,
      ...cause,
    }); // never rejects
  }

  #impatience(): Error {
    if (this.#target === undefined) {
      return new ExitError(
        new HintedError(
          "CANCELLED",
          "Cannot tell whether anything was started: the Manager has not answered yet",
          this.#options.listLine,
        ),
        ExitCode.left,
      );
    }
    const { subject, cancelRequested, watchLine } = this.#target;
    return new ExitError(
      new HintedError(
        "CANCELLED",
        `Stopped waiting for ${subject}: ${
          cancelRequested ? "cancel requested" : "cancel not confirmed"
        }`,
        watchLine,
      ),
      cancelRequested ? ExitCode.cancelled : ExitCode.left,
    );
  }

  #giveUp(error: Error): void {
    this.#stop.abort(error);
  }
}
