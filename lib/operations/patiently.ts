import { type Clock, sleep } from "../base/clock.ts";
import { codeOf, type ErrorCode, PiriError } from "../base/errors.ts";

/** Time between two attempts while the connection is down, in milliseconds. */
const RETRY_MS = 250;

/** Errors that pass: the connection is down or stalls, or the Manager has too many requests. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "UNAVAILABLE",
  "TIMED_OUT",
  "BUSY",
]);

/**
 * Repeats a request to the Manager until its answer is there.
 *
 * @throws {PiriError} that of the Manager; CANCELLED
 */
export async function patiently<T>(
  request: () => Promise<T>,
  { what, signal, clock }: {
    /** Words for what is read, for the error of a cancel. */
    readonly what: string;
    /** Aborted when the command must end. */
    readonly signal: AbortSignal;
    readonly clock: Clock;
  },
): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!PASSING.has(codeOf(error))) throw error;
      await sleep(clock, RETRY_MS, signal);
      if (signal.aborted) {
        throw new PiriError(
          "CANCELLED",
          `Cannot read ${what}: the command was cancelled`,
          { cause: error },
        );
      }
    }
  }
}
