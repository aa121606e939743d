import { sleep, systemClock } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";

/** Time between two looks, in milliseconds. */
const LOOK_MS = 20;

/**
 * Looks again and again until a condition holds.
 *
 * @throws {PiriError} TIMED_OUT, naming the condition
 */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { ms = 30_000, signal }: { ms?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const end = systemClock.monotonic() + ms;
  while (!await isSo()) {
    signal?.throwIfAborted();
    if (systemClock.monotonic() > end) {
      throw new PiriError(
        "TIMED_OUT",
        `Cannot go on: not within ${ms / 1_000} s was it so that ${what}`,
      );
    }
    await sleep(systemClock, LOOK_MS, signal);
  }
}
