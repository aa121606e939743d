/** State of a job, as the database, the JSON output and the command line spell it. */
export type JobStateName =
  | "running"
  | "paused"
  | "succeeded"
  | "failed"
  | "stopped"
  | "cancelled"
  | "expired";

/** States of a job, in the order of a life. */
export const JOB_STATES = [
  "running",
  "paused",
  "succeeded",
  "failed",
  "stopped",
  "cancelled",
  "expired",
] as const satisfies readonly JobStateName[];

/** States of a job that has not ended. */
export const OPEN_JOB_STATES = [
  "running",
  "paused",
] as const satisfies readonly JobStateName[];

/**
 * State of an entry: one agent of a job.
 *
 * `waiting`: its turn has not come. `queued`: its turn has come, and its agent is not there. `started`: it has a command,
 * which has a state of its own. The others are ends without a command.
 */
export type EntryStateName =
  | "waiting"
  | "queued"
  | "started"
  | "unreachable"
  | "expired"
  | "skipped"
  | "superseded"
  | "refused"
  | "lost";

/** States of an entry, in the order of a life. */
export const ENTRY_STATES = [
  "waiting",
  "queued",
  "started",
  "unreachable",
  "expired",
  "skipped",
  "superseded",
  "refused",
  "lost",
] as const satisfies readonly EntryStateName[];

/** States of an entry that has neither a command nor an end. */
export const UNSTARTED_STATES = [
  "waiting",
  "queued",
] as const satisfies readonly EntryStateName[];

/** State of an entry that has neither a command nor an end. */
export type UnstartedStateName = typeof UNSTARTED_STATES[number];

const OPEN: ReadonlySet<JobStateName> = new Set(OPEN_JOB_STATES);

/** True for the state of a job that has not ended. */
export function isOpenJob(state: JobStateName): boolean {
  return OPEN.has(state);
}

const UNSTARTED: ReadonlySet<EntryStateName> = new Set(UNSTARTED_STATES);

/** True for the state of an entry that has neither a command nor an end. */
export function isUnstarted(
  state: EntryStateName,
): state is UnstartedStateName {
  return UNSTARTED.has(state);
}

/** Name of a job for people and in expressions. */
export function jobName(id: bigint): string {
  return `j-${id}`;
}

/** Id of the job that a command was made for; undefined for a request of another kind. */
export function jobIdOf(name: string): bigint | undefined {
  const digits = /^j-([1-9][0-9]{0,18})$/.exec(name)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}
