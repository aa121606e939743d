import { Backoff } from "../../base/backoff.ts";
import { sleep } from "../../base/clock.ts";
import { Disconnected, type PiriError } from "../../base/errors.ts";
import { joint } from "../../base/signals.ts";
import type { Terminal } from "../terminal.ts";
import type { Control } from "./services.ts";

/** Longest absence of the Manager before a call fails, in milliseconds. */
export const MAX_AWAY_MS = 60_000;

/** Delay between two attempts, in milliseconds; up to 1.5 s of jitter is added. */
const RETRY_MS = 500;
const RETRIES = { first: 500, most: 1_500, resetAfter: 0 };

/** An idempotent call. It calls `alive` when the Manager answers, which resets the limit of its absence. */
export type Call<T> = (
  control: Control,
  options: { signal: AbortSignal; alive: () => void },
) => Promise<T>;

/** Options of a retried call. */
export interface RetryOptions {
  readonly signal: AbortSignal;
  /** Makes the error for a Manager that stays away, from the fact to name in it. */
  readonly failure: (fact: string) => PiriError;
  /** Called each time the Manager goes away. */
  readonly onAway?: () => void;
}

/** Calls a Manager and retries while it is away, as during a restart. */
export class RetryingClient {
  readonly #connect: () => Promise<Control>;
  readonly #terminal: Terminal;

  constructor(connect: () => Promise<Control>, terminal: Terminal) {
    this.#connect = connect;
    this.#terminal = terminal;
  }

  /**
   * Makes the call, and repeats it while the Manager is away. The call must be idempotent.
   *
   * @throws `failure` once the Manager has been away for 60 s. What else the call throws, and the signal's reason, are
   * thrown on.
   */
  async call<T>(
    call: Call<T>,
    { signal, failure, onAway }: RetryOptions,
  ): Promise<T> {
    const { clock, random } = this.#terminal;
    let backoff = new Backoff(RETRIES, clock, random);
    let awaySince: number | undefined;
    for (;;) {
      using absence = new Absence(
        awaySince === undefined ? undefined : this.#left(awaySince),
        clock,
      );
      try {
        using control = await this.#connect();
        signal.throwIfAborted();
        using end = joint([signal, absence.signal]);
        return await call(control, {
          signal: end.signal,
          alive: () => {
            if (awaySince === undefined) return;
            awaySince = undefined;
            backoff = new Backoff(RETRIES, clock, random);
            absence.end();
          },
        });
      } catch (error) {
        signal.throwIfAborted();
        const gone = error instanceof Disconnected || absence.signal.aborted;
        if (!gone) throw error;
        if (awaySince === undefined) onAway?.();
        awaySince ??= clock.monotonic();
        const left = this.#left(awaySince);
        if (left <= 0) {
          throw failure(
            `the Manager has been away for ${MAX_AWAY_MS / 1_000} s`,
          );
        }
        const wait = backoff.next({ atLeast: RETRY_MS });
        await sleep(clock, Math.min(wait, left), signal);
        signal.throwIfAborted();
      }
    }
  }

  #left(awaySince: number): number {
    return awaySince + MAX_AWAY_MS - this.#terminal.clock.monotonic();
  }
}

/** Ends an attempt that still hangs at the limit of the absence. */
class Absence implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer;

  constructor(left: number | undefined, clock: Terminal["clock"]) {
    this.#timer = left === undefined
      ? undefined
      : clock.timer(left, () => this.#controller.abort());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#timer?.cancel();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
