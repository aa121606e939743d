import type { CommandStateName } from "./command_state.ts";
import type { EntryStateName } from "./job_state.ts";

/** Entries of a job by their state, and those with a command by its state. */
export interface JobCounts {
  /** All entries. */
  readonly total: number;
  /** Entries whose turn has not come. */
  readonly waiting: number;
  /** Entries whose turn has come while their agents are not there. */
  readonly queued: number;
  /** Entries with a command that has not ended. */
  readonly running: number;
  /** Entries whose commands succeeded. */
  readonly succeeded: number;
  /** Entries whose commands failed. */
  readonly failed: number;
  /** Entries whose commands were cancelled. */
  readonly cancelled: number;
  /** Entries whose commands ran too long. */
  readonly timedOut: number;
  /** Entries refused by the agent, or without a command. */
  readonly refused: number;
  /** Entries with a lost command, and lost entries. */
  readonly lost: number;
  /** Entries whose agents were not connected at their turn. */
  readonly unreachable: number;
  /** Entries whose agents did not come back in time. */
  readonly expired: number;
  /** Entries whose job ended first, or whose agent was removed. */
  readonly skipped: number;
  /** Entries superseded by a later job with the same key. */
  readonly superseded: number;
}

/** Name of a count of entries. */
export type CountName = Exclude<keyof JobCounts, "total">;

/** Count that a command in each state belongs to. */
const OF_COMMAND: Readonly<Record<CommandStateName, CountName>> = {
  queued: "running",
  sent: "running",
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
  "timed_out": "timedOut",
  refused: "refused",
  lost: "lost",
};

/** Count that an entry belongs to: by its own state, or with a command by that of the command. */
export function countOf(
  entry: EntryStateName,
  command: CommandStateName | null,
): CountName {
  if (entry !== "started") return entry;
  return command === null ? "running" : OF_COMMAND[command];
}

/** Counts of a number of entries that are nowhere yet. */
export function noCounts(total: number): JobCounts {
  return {
    total,
    waiting: 0,
    queued: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    timedOut: 0,
    refused: 0,
    lost: 0,
    unreachable: 0,
    expired: 0,
    skipped: 0,
    superseded: 0,
  };
}
