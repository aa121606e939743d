import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { joint } from "../../base/signals.ts";

/** Longest time to look at a step without a timeout before anything is changed, in milliseconds. */
const LOOK_MS = 60_000;

/** Time of a step, and signal that ends it before. */
interface StepTime {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Step with the time that it has. */
interface TimedStep {
  readonly name: string;
  readonly timeoutMs?: number;
}

/**
 * Runs a step within its timeout, if it has one.
 *
 * @throws {PiriError} TIMED_OUT if it fails after that
 */
export async function runInTime<T>(
  { name, timeoutMs }: TimedStep,
  { clock, signal }: StepTime,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return await work(signal);
  const text = `Cannot finish step "${name}": its ${timeoutMs} ms are over`;
  return await inTime({ ms: timeoutMs, text }, { clock, signal }, work);
}

/**
 * Looks at a step within its timeout, or within a minute if it has none. An answer that comes after the end of its time
 * or after a cancel is none.
 *
 * @throws {PiriError} TIMED_OUT; CANCELLED
 */
export async function lookInTime<T>(
  { name, timeoutMs }: TimedStep,
  time: StepTime,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = timeoutMs === undefined
    ? `the ${LOOK_MS} ms that a step without a timeout has are over`
    : `its timeout of ${timeoutMs} ms is over`;
  const text = `Cannot look at step "${name}": ${over}`;
  return await inTime(
    { ms: timeoutMs ?? LOOK_MS, text },
    time,
    async (signal) => {
      const found = await work(signal);
      if (!signal.aborted) return found;
      throw new PiriError(
        "CANCELLED",
        `Cannot look at step "${name}": the command was cancelled`,
      );
    },
  );
}

async function inTime<T>(
  { ms, text }: { readonly ms: number; readonly text: string },
  { clock, signal }: StepTime,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = clock.timer(ms, () => late.abort());
  using both = joint([signal, late.signal]);
  try {
    return await work(both.signal);
  } catch (error) {
    if (!late.signal.aborted) throw error;
    throw new PiriError("TIMED_OUT", text, { cause: error });
  } finally {
    timer.cancel();
  }
}
