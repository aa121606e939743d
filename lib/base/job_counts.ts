import type { CommandStateName } from "./command_state.ts";
import type { EntryStateName } from "./job_state.ts";

/** Entries of a job by their state, and those with a command by its state. */
export interface JobCounts {
  readonly total: number;
  readonly waiting: number;
  readonly queued: number;
  /** With a command that has not ended. */
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly timedOut: number;
  /** By the agent, or without a command. */
  readonly refused: number;
  /** Of commands and of entries. */
  readonly lost: number;
  readonly unreachable: number;
  readonly expired: number;
  readonly skipped: number;
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
