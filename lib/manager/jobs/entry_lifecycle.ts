import type { EntryStateName } from "../../base/job_state.ts";
import type { EntryMove } from "../../store/job_records.ts";

/** Event in the life of an entry. */
export type EntryEvent =
  /** Its command is made and recorded as sent. */
  | "started"
  /** Its turn has come, and it waits for its agent. */
  | "queued"
  /** Its turn has come, and its agent is not connected. */
  | "unreachable"
  /** Its agent did not come back in time. */
  | "expired"
  /** Its agent cannot carry it out. */
  | "refused"
  /** The operator who asked for it may not do it any more. */
  | "denied"
  /** The database cannot tell if it ran. */
  | "doubted"
  /** Its job ended first. */
  | "skipped"
  /** Its agent was removed. */
  | "removed"
  /** A later job with the same key came. */
  | "superseded";

type Rows = { readonly [Event in EntryEvent]?: EntryStateName };

/** Ends without a command, of an entry that has not started. */
const ENDS: Rows = {
  unreachable: "unreachable",
  expired: "expired",
  refused: "refused",
  denied: "refused",
  doubted: "lost",
  skipped: "skipped",
  removed: "skipped",
  superseded: "superseded",
};

/**
 * Life of an entry of a job: state x event. An event without a row changes nothing. No other code sets the state of an
 * entry. From `started` on, the entry is as its command is.
 */
export const entryLifecycle: Readonly<Record<EntryStateName, Rows>> = {
  waiting: { ...ENDS, started: "started", queued: "queued" },
  queued: { ...ENDS, started: "started" },
  started: {},
  unreachable: {},
  expired: {},
  skipped: {},
  superseded: {},
  refused: {},
  lost: {},
};

/** Step of entries by an event: for the store, which takes it for all that are in such a state. */
export function moveBy(
  event: EntryEvent,
  at: number,
  reason = "",
): EntryMove {
  const rows = Object.entries(entryLifecycle) as [EntryStateName, Rows][];
  const steps = rows.filter(([, row]) => row[event] !== undefined);
  const [to] = new Set(steps.map(([, row]) => row[event]));
  if (to === undefined) throw new TypeError(`No entry has a row for ${event}`);
  return { from: steps.map(([from]) => from), to, reason, at };
}
