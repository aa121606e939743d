import { PiriError } from "../base/errors.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs a long task until it ends or is asked to stop. Then its signal is aborted, and the task is waited for.
 *
 * @throws {PiriError} CANCELLED when asked a second time, without waiting
 */
export async function untilStopped(
  terminal: Terminal,
  live: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const impatience = Promise.withResolvers<never>();
  const asked = () => {
    if (stop.signal.aborted) {
      impatience.reject(
        new PiriError(
          "CANCELLED",
          "Cannot wait for a clean end: it was asked to stop twice",
        ),
      );
    }
    stop.abort();
  };
  using _interrupts = terminal.onInterrupt(asked);
  using _terminations = terminal.onTerminate(asked);
  await Promise.race([live(stop.signal), impatience.promise]);
}
