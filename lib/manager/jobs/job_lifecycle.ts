import type { JobStateName } from "../../base/job_state.ts";
import type { JobEnd } from "../../store/job_records.ts";

/** Event in the life of a job that users ask for, and that leaves it open. */
export type JobPause = "paused" | "resumed";

/** Event in the life of a job. `done` and `undone`: its last entry has ended, and all or not all of them succeeded. */
export type JobEvent = JobPause | "done" | "undone" | JobEnd;

type Rows = { readonly [Event in JobEvent]?: JobStateName };

const ENDS: Rows = {
  done: "succeeded",
  undone: "failed",
  stopped: "stopped",
  cancelled: "cancelled",
  expired: "expired",
};

/**
 * Life of a job: state x event. An event without a row changes nothing. No other code sets the state of a job.
 *
 * A job of which nothing more starts has the event of its end already, and comes to it once its commands have ended. The
 * word of an agent replaces an end of its command that was only presumed, and then its job is judged anew.
 */
export const jobLifecycle: Readonly<Record<JobStateName, Rows>> = {
  running: { ...ENDS, paused: "paused" },
  paused: { ...ENDS, resumed: "running" },
  succeeded: { undone: "failed" },
  failed: { done: "succeeded" },
  stopped: {},
  cancelled: {},
  expired: {},
};

/** State that follows on an event; undefined if the table has no row for it. */
export function nextState(
  state: JobStateName,
  event: JobEvent,
): JobStateName | undefined {
  return jobLifecycle[state][event];
}
