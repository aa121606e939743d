import {
  type CommandStateName,
  OPEN_STATES,
} from "../../base/command_state.ts";
import { type EntryStateName, UNSTARTED_STATES } from "../../base/job_state.ts";
import type { EntryRecord } from "../../store/job_records.ts";

/** Agents of a job that come first: the others start only once all of these have succeeded. */
export class Canaries {
  /** Number of agents that come first. */
  readonly #count: number;
  /** Positions of those that have not succeeded. */
  readonly #left: Set<number>;
  #failure: string | undefined;

  constructor(count: number) {
    this.#count = count;
    this.#left = new Set(Array.from({ length: count }, (_, index) => index));
  }

  /** Position below which entries may start now. */
  get limit(): number {
    return this.#left.size === 0 ? Infinity : this.#count;
  }

  /** Reason for which the others never start; undefined if there is none. */
  get failure(): string | undefined {
    return this.#failure;
  }

  has(position: number): boolean {
    return position < this.#count;
  }

  /** Takes over what entries have come to before. */
  load(entries: readonly EntryRecord[]): void {
    for (const { state, command, ...entry } of entries) {
      const known = command?.state ?? state;
      if (!UNDECIDED.has(known)) this.note(entry, known);
    }
  }

  /** Notes the state of an entry that has ended. */
  note(
    { position, agent }: { readonly position: number; readonly agent: string },
    state: CommandStateName | EntryStateName,
  ): void {
    if (!this.has(position)) return;
    if (state === "succeeded") this.#left.delete(position);
    else {
      const name = agent === "" ? "" : ` "${agent}"`;
      this.#failure ??= `the agent${name}, which came first, did not succeed: ${
        state.replace("_", " ")
      }`;
    }
  }
}

/** States of an entry and of a command that tell no end. */
const UNDECIDED: ReadonlySet<CommandStateName | EntryStateName> = new Set([
  ...UNSTARTED_STATES,
  "started",
  ...OPEN_STATES,
]);
