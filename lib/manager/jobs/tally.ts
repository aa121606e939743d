import type { CountName, JobCounts } from "../../base/job_counts.ts";
import type { EntryStateName } from "../../base/job_state.ts";

/** Counts that the failure limit of a job looks at. */
const FAILURES = [
  "failed",
  "timedOut",
  "refused",
  "lost",
  "unreachable",
  "expired",
] as const satisfies readonly CountName[];

/** Counts of a job that goes on. */
export class Tally {
  readonly #counts: Record<keyof JobCounts, number>;

  constructor(counts: JobCounts) {
    this.#counts = { ...counts };
  }

  /** The counts as they are now. */
  get counts(): JobCounts {
    return { ...this.#counts };
  }

  /** Number of entries in a count. */
  of(name: CountName): number {
    return this.#counts[name];
  }

  /** Moves one entry from a count to another. */
  move(from: CountName, to: CountName): void {
    this.#counts[from]--;
    this.#counts[to]++;
  }

  /** Moves an entry that has no command from one state to another. */
  step(from: EntryStateName, to: EntryStateName): void {
    this.move(
      from === "started" ? "running" : from,
      to === "started" ? "running" : to,
    );
  }

  /** Entries that have not started and not ended. */
  get unstarted(): number {
    return this.#counts.waiting + this.#counts.queued;
  }

  /** Entries that have not done it, as the failure limit sees it. */
  get failures(): number {
    return FAILURES.reduce((sum, name) => sum + this.#counts[name], 0);
  }

  /** True if all entries have ended. */
  get isOver(): boolean {
    return this.unstarted === 0 && this.#counts.running === 0;
  }

  /** True if all entries succeeded. */
  get isDone(): boolean {
    return this.#counts.succeeded === this.#counts.total;
  }
}
