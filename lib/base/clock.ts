import { PiriError } from "./errors.ts";

/** The longest delay that JavaScript's own timers take; a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A timer that has been set. */
export interface Timer {
  /** Cancels the timer. Does nothing once it has fired. */
  cancel(): void;
}

/** Source of time for all of Piri, so that tests can bring their own. */
export interface Clock {
  /** Milliseconds since 1970. Only for people: it jumps. */
  now(): number;
  /** Milliseconds since an unnamed moment; never goes back. All decisions use this one. */
  monotonic(): number;
  /** Calls back once, after `ms` milliseconds. Any delay is allowed, also one above MAX_TIMER_MS. */
  timer(ms: number, callback: () => void): Timer;
}

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (ms, callback) => new SystemTimer(ms, callback),
};

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
