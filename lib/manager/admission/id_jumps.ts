import { PiriError } from "../../base/errors.ts";

/**
 * The sequence of ids follows the agents' by so much in all, in a run of the Manager: as far as a restored database may
 * be behind. Without the bound one agent could use up the ids of all, or take them out of the others' reach.
 */
const MAX_JUMP = 2n ** 32n;

/** How far the sequence of ids was made to jump by what agents told. */
export class IdJumps {
  /** All jumps together. */
  #total = 0n;
  /** The highest id that was followed to: what is below costs nothing more. */
  #followed = 0n;

  /**
   * Follows to the highest id that an agent has accepted, where `last` is the highest that was given here.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION if that is too far
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
