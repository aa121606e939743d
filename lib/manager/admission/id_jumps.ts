import { PiriError } from "../../base/errors.ts";

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

  /**
   * Follows to the highest id that an agent has accepted. `last` is the highest id of this Manager.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION if the jump is too far
   */
  follow(id: bigint, last: bigint): void {
    const from = last > this.#followed ? last : this.#followed;
    if (id <= from) return;
    const total = this.#total + id - from;
    if (total > MAX_JUMP) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot follow to command id ${id}: the last one is ${last}`,
      );
    }
    this.#total = total;
    this.#followed = id;
  }
}
