import { PiriError } from "../base/errors.ts";
import type { HelpSection } from "./command.ts";
import { STOP_SIGNALS, type StopSignal, type Terminal } from "./terminal.ts";

/** Help about the signals to a program that runs until it is stopped. */
export const WHILE_IT_RUNS: HelpSection = {
  title: "While it runs",
  lines: [
    ["SIGTERM, Ctrl-C", "stop cleanly; a second one does not wait for that"],
    [
      "SIGHUP",
      "read the configuration again; at a terminal, which has gone then, stop",
    ],
    [
      "SIGUSR1",
      "restart without harm to commands, if a service manager has started it",
    ],
  ],
};

/** Requests of the system to a program that runs until it is stopped. */
export interface Life {
  /** Aborted when the program is to stop. Its reason is the cause, for the log. */
  readonly signal: AbortSignal;
  /** Calls back at each request to read the configuration again, also for one that has come before. */
  onReload(callback: () => void): Disposable;
  /** Calls back at each request to restart without harm to commands, also for one that has come before. */
  onRestart(callback: () => void): Disposable;
  /** Service manager that has to be told how the program fares; absent where the environment says which one it is. */
  readonly serviceManager?: ServiceManagerLink;
}

/** Words to a service manager that has started this program. */
export interface ServiceManagerLink {
  /** Says that the program does its work. */
  ready(): void;
  /** Says that the program ends, and whether it should be started again. */
  stopping(isRestart: boolean): void;
}

/**
 * Runs a long task until it ends or is asked to stop. Then its signal is aborted, and the task is waited for.
 *
 * SIGHUP asks for the configuration to be read again, unless it means that the terminal has gone: then it stops the task.
 * SIGUSR1 asks for a restart.
 *
 * @throws {PiriError} CANCELLED when asked to stop a second time, without waiting
 */
export async function untilStopped(
  terminal: Terminal,
  live: (life: Life) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const reloads = new Requests();
  const restarts = new Requests();
  const impatience = Promise.withResolvers<never>();
  const asked = (signal: StopSignal) => {
    const isHangUp = signal === "SIGHUP";
    if (isHangUp && !terminal.hangUpEnds) return reloads.ask();
    if (!stop.signal.aborted) {
      return stop.abort(isHangUp ? "SIGHUP, the terminal has gone" : signal);
    }
    // A terminal that goes sends it more than once, and nobody is there who is impatient.
    if (isHangUp) return;
    impatience.reject(
      new PiriError(
        "CANCELLED",
        "Cannot wait for a clean end: it was asked to stop twice",
      ),
    );
  };
  using listening = new DisposableStack();
  for (const signal of STOP_SIGNALS) {
    listening.use(terminal.onSignal(signal, () => asked(signal)));
  }
  listening.use(terminal.onSignal("SIGUSR1", () => restarts.ask()));
  const life: Life = {
    signal: stop.signal,
    onReload: (callback) => reloads.listen(callback),
    onRestart: (callback) => restarts.listen(callback),
  };
  await Promise.race([live(life), impatience.promise]);
}

/** Requests of one kind, and who answers them. */
class Requests {
  readonly #listeners = new Set<() => void>();
  #isPending = false;

  ask(): void {
    this.#isPending = this.#listeners.size === 0;
    for (const listener of this.#listeners) listener();
  }

  listen(callback: () => void): Disposable {
    this.#listeners.add(callback);
    if (this.#isPending) callback();
    this.#isPending = false;
    return { [Symbol.dispose]: () => void this.#listeners.delete(callback) };
  }
}
