import { type Clock, sleep } from "../base/clock.ts";

/** Waits between the tries to start a program, in milliseconds. */
const WAITS_MS = [2, 5, 10, 20, 50, 100, 200, 400];

/**
 * True for the error of a program whose file is open for writing (ETXTBSY of execve(2), on Linux and macOS).
 *
 * A file that was written a moment ago may be so for some milliseconds: a process that another thread starts at that time
 * has all open files until its own program begins.
 */
export function isBusyFile(error: unknown): boolean {
  return Deno.build.os !== "windows" && error instanceof Error &&
    error.message.includes("(os error 26)");
}

/** Starts a program, again and again while its file is busy. Holds the thread meanwhile, for less than a second. */
export function startWhenFree<T>(
  start: () => T,
  pause: (ms: number) => void = holdThread,
): T {
  for (const ms of WAITS_MS) {
    try {
      return start();
    } catch (error) {
      if (!isBusyFile(error)) throw error;
      pause(ms);
    }
  }
  return start();
}

/** Starts a program, again and again while its file is busy. */
export async function startLaterIfBusy<T>(
  clock: Clock,
  start: () => Promise<T>,
): Promise<T> {
  for (const ms of WAITS_MS) {
    try {
      return await start();
    } catch (error) {
      if (!isBusyFile(error)) throw error;
      await sleep(clock, ms);
    }
  }
  return await start();
}

function holdThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
