import type { EntryStateName } from "../../base/job_state.ts";
import type { EntryMove } from "../../store/job_records.ts";

/** Event in the life of an entry. */
export type EntryEvent =
  /** Command made and recorded as sent. */
  | "started"
  /** Turn of an entry that waits for its agent. */
  | "queued"
  /** Turn of an entry whose agent is not connected. */
  | "unreachable"
  /** End of the time in which the agent had to come back. */
  | "expired"
  /** Refusal for an agent that cannot carry it out. */
  | "refused"
  /** Refusal for an operator who may not do it any more. */
  | "denied"
  /** Doubt of the database, which cannot tell if it ran. */
  | "doubted"
  /** End of the job before the turn of the entry. */
  | "skipped"
  /** Removal of the agent. */
  | "removed"
  /** Later job with the same key. */
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
