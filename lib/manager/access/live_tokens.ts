import type { Clock, Timer } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { TokenRecord } from "../../store/operator_records.ts";

/** Token in use: aborted once it does not count any more. */
interface Live {
  readonly controller: AbortController;
  readonly expiry: Timer;
}

/** Tokens that requests have come with, each with a signal of its end. */
export class LiveTokens {
  readonly #clock: Clock;
  readonly #live = new Map<number, Live>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Signal that is aborted with an error at the end of a token, which is good now. */
  endOf({ id, expiresAt }: TokenRecord): AbortSignal {
    let live = this.#live.get(id);
    if (live === undefined) {
      const ms = expiresAt - this.#clock.now();
      const expiry = this.#clock.timer(ms, () => this.#end(id));
      live = { controller: new AbortController(), expiry };
      this.#live.set(id, live);
    }
    return live.controller.signal;
  }

  /** Ends what a token has opened, because less or more may be seen by it now. The token itself stays good. */
  interrupt(id: number): void {
    this.#end(
      id,
      new PiriError(
        "UNAVAILABLE",
        "Cannot continue this call: the agents that this operator sees were changed; repeat it",
      ),
    );
  }

  /** Ends all tokens but these. */
  keepOnly(good: ReadonlySet<number>): void {
    for (const id of this.#live.keys()) if (!good.has(id)) this.#end(id);
  }

  /** Ends what waits for the expiry of tokens. */
  stop(): void {
    for (const { expiry } of this.#live.values()) expiry.cancel();
  }

  #end(id: number, error = notKnown()): void {
    const live = this.#live.get(id);
    this.#live.delete(id);
    live?.expiry.cancel();
    live?.controller.abort(error);
  }
}

/** Error for a token that does not count, whatever the reason. */
export function notKnown(): PiriError {
  return new PiriError(
    "AUTH_FAILED",
    "Cannot accept the token: it is not known here, or it has expired or was revoked",
  );
}
