import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";

const log = logger("manager", "access");

/** Least time between two records of a token's use, in milliseconds. */
const USE_MS = 60_000;

/** Use of a token. */
export interface TokenUse {
  /** Number of the token. */
  readonly id: number;
  /** Time, in milliseconds since 1970. */
  readonly at: number;
  /** Address from which it was used. */
  readonly from: string;
}

/** Records when tokens were used last, and from where: not each use, and in the background. */
export class TokenUses {
  readonly #record: (use: TokenUse) => Promise<unknown>;
  /** Times of the uses that were recorded, by the numbers of tokens. */
  readonly #noted = new Map<number, number>();

  constructor(record: (use: TokenUse) => Promise<unknown>) {
    this.#record = record;
  }

  note(use: TokenUse): void {
    const { id, at } = use;
    if (at - (this.#noted.get(id) ?? -Infinity) < USE_MS) return;
    this.#noted.set(id, at);
    this.#record(use).catch((error) =>
      log.warning("Cannot record the use of token {id}: {error}", {
        id,
        error: messageOf(error),
      })
    );
  }

  /** Forgets tokens that are good no more. */
  keepOnly(good: ReadonlySet<number>): void {
    for (const id of this.#noted.keys()) {
      if (!good.has(id)) this.#noted.delete(id);
    }
  }
}
