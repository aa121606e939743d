import { mayComeBack } from "../../base/command_state.ts";
import { type CountName, countOf } from "../../base/job_counts.ts";
import type { FoundJob } from "../../store/job_records.ts";
import type { CommandRecord } from "../../store/records.ts";

/** A command that has ended, or is open again. */
export interface CommandStep {
  readonly position: number;
  readonly from: CountName;
  readonly to: CountName;
}

/** Commands of a job that have not ended, and those whose end may be taken back. */
export class JobCommands {
  /** Positions of those that have not ended. */
  readonly #running = new Map<bigint, number>();
  /** Commands whose end may be taken back, with their counts. */
  readonly #presumed = new Map<
    bigint,
    { position: number; count: CountName }
  >();

  constructor(found: FoundJob["commands"]) {
    for (const { id, position, state } of found) {
      const count = countOf("started", state);
      if (count === "running") this.#running.set(id, position);
      else this.#presumed.set(id, { position, count });
    }
  }

  /** Number of those that have not ended. */
  get size(): number {
    return this.#running.size;
  }

  /** Ids of those that have not ended. */
  get running(): readonly bigint[] {
    return [...this.#running.keys()];
  }

  add(id: bigint, position: number): void {
    this.#running.set(id, position);
  }

  /** Position of a command that has not ended. */
  positionOf(id: bigint): number | undefined {
    return this.#running.get(id);
  }

  /** Notes the end of a command; undefined if it is not known, or has ended before. */
  ended(command: CommandRecord): CommandStep | undefined {
    const { id, state } = command;
    const to = countOf("started", state);
    const running = this.#running.get(id);
    const before = this.#presumed.get(id);
    const position = running ?? before?.position;
    if (position === undefined) return undefined;
    this.#running.delete(id);
    if (mayComeBack(command)) this.#presumed.set(id, { position, count: to });
    else this.#presumed.delete(id);
    return { position, from: before?.count ?? "running", to };
  }

  /** Notes that a command goes on whose end was taken back; undefined if it has not ended. */
  reopened({ id, state }: CommandRecord): CommandStep | undefined {
    const before = this.#presumed.get(id);
    if (before === undefined) return undefined;
    this.#presumed.delete(id);
    this.#running.set(id, before.position);
    const to = countOf("started", state);
    return { position: before.position, from: before.count, to };
  }
}
