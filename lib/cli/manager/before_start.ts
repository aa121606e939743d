import { PiriError } from "../../base/errors.ts";
import { aborted } from "../../base/signals.ts";
import { ExitError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { NobodyReads, STOP_SIGNALS, type Terminal } from "../terminal.ts";
import { whileRead } from "./while_read.ts";

/** Words about work that comes before anything is started. */
export interface EarlyWork {
  /** The work itself: "sending the files". */
  readonly doing: string;
  /** State that its end leaves: "nothing was started". */
  readonly fate: string;
  /** True if the work has a purpose though nobody reads what is printed. */
  readonly unread?: boolean;
}

/**
 * Does work that comes before anything is started, with a signal that ends it: the first Ctrl-C, SIGTERM or SIGHUP, or
 * a standard output that nobody reads any more.
 *
 * @throws {ExitError} if it was ended so; its message says what has become of the work
 */
export async function beforeStart<T>(
  terminal: Terminal,
  { doing, fate, unread = false }: EarlyWork,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  using undo = new DisposableStack();
  for (const signal of STOP_SIGNALS) {
    // Whoever has pressed Ctrl-C knows it.
    const cause = signal === "SIGINT" ? "" : ` by ${signal}`;
    const error = ended(`Stopped ${doing}${cause}: ${fate}`);
    undo.use(terminal.onSignal(signal, () => stop.abort(error)));
  }
  let given = stop.signal;
  const either = (signal: AbortSignal) => {
    given = signal;
    // A read of a terminal or a pipe may never return.
    return Promise.race([task(signal), rejected(signal)]);
  };
  try {
    return await (unread
      ? either(stop.signal)
      : whileRead(terminal, stop.signal, either));
  } catch (error) {
    const reason = given.aborted ? given.reason : error;
    if (reason instanceof NobodyReads) {
      throw ended(`${reason.message}; ${fate}`);
    }
    throw reason;
  }
}

/** Rejects with the reason of a signal once it is aborted. */
async function rejected(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw signal.reason;
}

function ended(text: string): ExitError {
  return new ExitError(new PiriError("CANCELLED", text), ExitCode.cancelled);
}
