import { PiriError } from "./errors.ts";

/** The longest delay that JavaScript's own timers take; a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A running timer. */
export interface Timer {
  /** Stops the timer. Does nothing once it has fired. */
  cancel(): void;
}

/** Source of time for all of Piri; tests bring their own. */
export interface Clock {
  /** Time of day in milliseconds since 1970. For people only, because it can jump. */
  now(): number;
  /** Milliseconds since a fixed moment; never goes back. All decisions use this one. */
  monotonic(): number;
  /**
   * Milliseconds since a fixed moment for which the machine was suspended, which `monotonic` may not count. Absent, or
   * undefined, where the system does not tell.
   */
  suspended?(): number | undefined;
  /**
   * Calls back once.
   *
   * @param ms The delay in milliseconds, of any length.
   * @param callback Called after the delay.
   */
  timer(ms: number, callback: () => void): Timer;
}

/** Clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  suspended: suspendedMs,
  timer: (ms, callback) => new SystemTimer(ms, callback),
};

/** Linux tells the time since the boot with and without suspension. The start of this process is a common offset. */
function suspendedMs(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const [uptime] = Deno.readTextFileSync("/proc/uptime").split(" ");
    return Number(uptime) * 1_000 - performance.now();
  } catch {
    return undefined;
  }
}

class SystemTimer implements Timer {
  // A number up to Deno 2.7, an object as in Node since.
  #id: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, callback: () => void) {
    this.#set(Math.max(0, ms), callback);
  }

  #set(ms: number, callback: () => void): void {
    this.#id = ms <= MAX_TIMER_MS
      ? setTimeout(callback, ms)
      : setTimeout(() => this.#set(ms - MAX_TIMER_MS, callback), MAX_TIMER_MS);
  }

  cancel(): void {
    clearTimeout(this.#id);
  }
}

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. Never rejects. */
export function sleep(
  clock: Clock,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.timer(ms, done);
    signal?.addEventListener("abort", done, { once: true });
    function done() {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** Settles as the promise does, or rejects with TIMED_OUT and the message after `ms` milliseconds. */
export async function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  message: string,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.timer(
    ms,
    () => late.reject(new PiriError("TIMED_OUT", message)),
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    timer.cancel();
  }
}
