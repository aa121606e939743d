import type { Timer } from "../../base/clock.ts";
import { joint } from "../../base/signals.ts";
import { NobodyReads, type Terminal } from "../terminal.ts";

/** Time between two looks, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Waits for a task, and aborts its signal once nobody reads standard output any more: what prints only at its end, or
 * nothing for long, does not notice it by its writes.
 *
 * @throws {NobodyReads} as the reason of the signal
 */
export async function whileRead<T>(
  terminal: Pick<Terminal, "clock" | "stdout" | "isOutputClosed">,
  signal: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // Whoever closes a terminal sends SIGHUP.
  if (terminal.stdout.isTerminal) return await task(signal);
  const closed = new AbortController();
  using either = joint([signal, closed.signal]);
  const lookLater = (): Timer =>
    terminal.clock.timer(LOOK_MS, () => {
      if (terminal.isOutputClosed()) closed.abort(new NobodyReads());
      else timer = lookLater();
    });
  let timer = lookLater();
  try {
    return await task(either.signal);
  } finally {
    timer.cancel();
  }
}
