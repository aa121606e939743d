import { PiriError } from "../../base/errors.ts";
import type { Store } from "../../store/store.ts";

/**
 * Longest distance that the sequence of ids may jump in one run of the Manager, all agents together: a restored
 * database may be behind by as much. Without the limit, one agent could use up all ids, or raise them beyond the range
 * that other agents accept.
 */
const MAX_JUMP = 2n ** 32n;

/** Jumps of the sequence of ids after ids that agents reported. */
export class IdJumps {
  /** Sum of all jumps. */
  #total = 0n;
  /** Highest id that was followed. Ids up to it cost nothing more. */
  #followed = 0n;
  /** Highest id of this Manager, as far as it was told. It only grows. */
  #last = 0n;

  /** Reads the last id of this Manager, if it must be known to follow to this one. A failure shows to who awaits it. */
  lastFor(
    id: bigint,
    store: Pick<Store, "lastCommandId">,
  ): Promise<bigint> | undefined {
    if (!this.#isNew(id)) return undefined;
    const last = store.lastCommandId();
    last.catch(() => {});
    return last;
  }

  /**
   * Follows to the highest id that an agent has accepted.
   *
   * @param last The highest id of this Manager; absent if `lastFor` did not read it.
   * @throws {PiriError} PROTOCOL_VIOLATION if the jump is too far
   */
  follow(id: bigint, last = this.#last): void {
    this.#last = last > this.#last ? last : this.#last;
    if (!this.#isNew(id)) return;
    const from = this.#last > this.#followed ? this.#last : this.#followed;
    const total = this.#total + id - from;
    if (total > MAX_JUMP) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot follow to command id ${id}: the last one is ${this.#last}`,
      );
    }
    this.#total = total;
    this.#followed = id;
  }

  #isNew(id: bigint): boolean {
    return id > this.#followed && id > this.#last;
  }
}
