import type {
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import {
  ENTRY_LABELS,
  entryHasEnded,
  type EntryLabel,
  labelOf,
} from "./entry_state.ts";

/** Number of entries by label. */
export type Tally = Readonly<Record<EntryLabel, number>>;

/** Change of an entry: its state before is absent if it is new. */
export interface EntryChange {
  readonly before: JobEntry | undefined;
  readonly entry: JobEntry;
}

/** A job as far as its watcher knows it. Changes cost the same whatever the size of the job. */
export class JobBoard {
  job: Job;
  readonly #entries: (JobEntry | undefined)[] = [];
  readonly #byCommand = new Map<bigint, number>();
  readonly #tally: Record<EntryLabel, number>;
  /** Positions of commands that go on while their agents are not connected. */
  readonly #cutOff = new Set<number>();

  constructor(job: Job) {
    this.job = job;
    this.#tally = Object.fromEntries(
      ENTRY_LABELS.map((label) => [label, 0]),
    ) as Record<EntryLabel, number>;
  }

  /** Entries by label. */
  get tally(): Tally {
    return this.#tally;
  }

  /** Number of commands that go on while their agents are not connected. */
  get cutOff(): number {
    return this.#cutOff.size;
  }

  /** Known entries, in the order of starting. */
  get entries(): JobEntry[] {
    return this.#entries.filter((entry) => entry !== undefined);
  }

  /** Entry of a command of the job. */
  ofCommand(id: bigint): JobEntry | undefined {
    const position = this.#byCommand.get(id);
    return position === undefined ? undefined : this.#entries[position];
  }

  /** Takes over an entry. Returns undefined if nothing about it is new. */
  take(entry: JobEntry): EntryChange | undefined {
    const { position, commandId } = entry;
    const before = this.#entries[position];
    if (before !== undefined && isSame(before, entry)) return undefined;
    this.#entries[position] = entry;
    if (commandId !== undefined) this.#byCommand.set(commandId, position);
    if (before !== undefined) this.#tally[labelOf(before)]--;
    this.#tally[labelOf(entry)]++;
    if (
      entry.unreachableSinceMs !== undefined && labelOf(entry) === "running"
    ) this.#cutOff.add(position);
    else this.#cutOff.delete(position);
    return { before, entry };
  }

  /** True if some entries have not ended. */
  get isOpen(): boolean {
    return this.#entries.some((entry) =>
      entry !== undefined && !entryHasEnded(entry)
    );
  }
}

/** True if an entry would be shown as it was: a watch that begins anew tells all entries again. */
function isSame(before: JobEntry, entry: JobEntry): boolean {
  return before.state === entry.state &&
    before.commandId === entry.commandId &&
    before.commandState === entry.commandState &&
    before.reason === entry.reason &&
    before.exitCode === entry.exitCode &&
    before.presumed === entry.presumed &&
    before.unreachableSinceMs === entry.unreachableSinceMs &&
    before.stdoutBytes === entry.stdoutBytes &&
    before.stderrBytes === entry.stderrBytes;
}
