import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf, PiriError } from "../../base/errors.ts";
import { ExitError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { STOP_SIGNALS, type StopSignal, type Terminal } from "../terminal.ts";
import { commandsText } from "./ids.ts";
import type { Call, RetryingClient } from "./retrying_client.ts";
import { userOf } from "./signature.ts";

/** Commands that read for this program: the first signal ends the reading and cancels them, the second one leaves. */
export class OpenReads implements Disposable {
  readonly #client: RetryingClient;
  readonly #terminal: Terminal;
  readonly #undo = new DisposableStack();
  readonly #open = new Set<bigint>();
  readonly #reading = new AbortController();
  readonly #asking = new AbortController();
  #cause: StopSignal | undefined;

  constructor(client: RetryingClient, terminal: Terminal) {
    this.#client = client;
    this.#terminal = terminal;
    for (const signal of STOP_SIGNALS) {
      this.#undo.use(terminal.onSignal(signal, () => this.#asked(signal)));
    }
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#reading.signal;
  }

  /** Starts commands. A signal waits for the answer, so that it can cancel them. */
  async start(
    start: Call<readonly Command[]>,
    failure: (fact: string) => PiriError,
  ): Promise<readonly Command[]> {
    this.signal.throwIfAborted();
    const signal = this.#asking.signal;
    const commands = await this.#client.call(start, { signal, failure });
    for (const { id } of commands) this.#open.add(id);
    this.signal.throwIfAborted();
    return commands;
  }

  /** Notes that a command has ended. */
  ended(id: bigint): void {
    this.#open.delete(id);
  }

  /** Cancels what is open after a signal, and returns the error that tells what became of it. */
  async cancel(): Promise<ExitError> {
    const open = [...this.#open];
    const asked = await Promise.all(open.map((id) => this.#cancel(id)));
    const isConfirmed = asked.every((done) => done);
    // Whoever has pressed Ctrl-C knows it.
    const cause = this.#cause === "SIGINT" ? "" : ` by ${this.#cause}`;
    const fate = open.length === 0
      ? ""
      : `; ${commandsText(open)}: ${
        isConfirmed ? "cancel requested" : "cancel not confirmed"
      }`;
    return new ExitError(
      new PiriError(
        "CANCELLED",
        `Stopped getting files${cause}: what came is kept, and the same command gets the rest${fate}`,
      ),
      isConfirmed ? ExitCode.cancelled : ExitCode.left,
    );
  }

  /** Cancels a command. Returns true once that is recorded, or it has ended. */
  async #cancel(commandId: bigint): Promise<boolean> {
    const request = { commandId, requestedBy: userOf(this.#terminal) };
    try {
      await this.#client.call(
        ({ commands }, { signal }) => commands.cancel(request, { signal }),
        {
          signal: this.#asking.signal,
          failure: (fact) =>
            new PiriError(
              "UNAVAILABLE",
              `Cannot cancel command ${commandId}: ${fact}`,
            ),
        },
      );
      return true;
    } catch (error) {
      return codeOf(error) === "FAILED_PRECONDITION";
    }
  }

  #asked(signal: StopSignal): void {
    if (this.#cause !== undefined) {
      // A terminal that goes sends SIGHUP several times, and nobody is there who is impatient.
      if (signal !== "SIGHUP") this.#asking.abort(new Stopped());
      return;
    }
    this.#cause = signal;
    this.#reading.abort(new Stopped());
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }
}

/** Reason of what a signal ends. */
class Stopped extends Error {
  override readonly name = "Stopped";
}
