import {
  hasEndedForGood,
  isOpenState,
  OPEN_STATES,
} from "../../base/command_state.ts";
import type { CommandPatch, CommandRecord } from "../../store/records.ts";
import {
  adopt,
  adoptBegun,
  askToCancel,
  begin,
  bind,
  cancelUnsent,
  conclude,
  dispute,
  disputeBegun,
  presumeDisconnected,
  presumeForgotten,
  presumeGivenUp,
  presumeNeverArrived,
  presumeNeverWritten,
  presumeRemoved,
  presumeTimedOut,
  presumeUnsent,
  refuseUnsent,
  reopen,
  reopenBegun,
} from "./life_changes.ts";
import type {
  Fields,
  LifeEvent,
  LifeEvents,
  Stage,
  Subject,
} from "./life_events.ts";

/** One row of the table: the stage that follows, and the fields that change. */
export interface LifeRow<Event extends LifeEvent> {
  readonly next: Stage | "as told";
  readonly change: (subject: Subject, event: LifeEvents[Event]) => Fields;
}

type Rows = { readonly [Event in LifeEvent]?: LifeRow<Event> };

/** Ends that the Manager presumes of a command that may be anywhere. */
const PRESUMED: Rows = {
  forgotten: { next: "presumed", change: presumeForgotten },
  givenUp: { next: "presumed", change: presumeGivenUp },
};

/** Ends that the Manager presumes once it may have written the command to a connection. */
const PRESUMED_ON_ITS_WAY: Rows = {
  ...PRESUMED,
  disconnected: { next: "presumed", change: presumeDisconnected },
  overdue: { next: "presumed", change: presumeTimedOut },
  removed: { next: "presumed", change: presumeRemoved },
};

/**
 * Life of a command: stage x event. An event without a row changes nothing. No other code sets a state.
 *
 * The wire's tables say what a peer may send; this one says what that does to a command.
 */
export const lifecycle: Readonly<Record<Stage, Rows>> = {
  queued: {
    ...PRESUMED,
    sent: { next: "sent", change: bind },
    heard: { next: "running", change: begin },
    result: { next: "as told", change: conclude },
    cancelled: { next: "ended", change: cancelUnsent },
    listedAccepted: { next: "sent", change: adopt },
    listedBegun: { next: "running", change: adoptBegun },
    removed: { next: "presumed", change: presumeUnsent },
    denied: { next: "ended", change: refuseUnsent },
  },
  found: {
    ...PRESUMED,
    heard: { next: "running", change: begin },
    result: { next: "as told", change: conclude },
    cancelled: { next: "found", change: askToCancel },
    listedAccepted: { next: "sent", change: adopt },
    listedBegun: { next: "running", change: adoptBegun },
    removed: { next: "presumed", change: presumeRemoved },
  },
  sent: {
    ...PRESUMED_ON_ITS_WAY,
    heard: { next: "running", change: begin },
    result: { next: "as told", change: conclude },
    cancelled: { next: "sent", change: askToCancel },
    listedBegun: { next: "running", change: adoptBegun },
    neverArrived: { next: "presumed", change: presumeNeverArrived },
    neverWritten: { next: "presumed", change: presumeNeverWritten },
  },
  running: {
    ...PRESUMED_ON_ITS_WAY,
    result: { next: "as told", change: conclude },
    cancelled: { next: "running", change: askToCancel },
  },
  presumed: {
    heard: { next: "running", change: begin },
    result: { next: "as told", change: conclude },
    cancelled: { next: "presumed", change: askToCancel },
    listedAccepted: { next: "sent", change: reopen },
    listedBegun: { next: "running", change: reopenBegun },
  },
  lost: {
    listedAccepted: { next: "sent", change: dispute },
    listedBegun: { next: "running", change: disputeBegun },
  },
  ended: {},
};

/** Change that an event makes of a command; undefined if the table has no row for it. */
export function changeBy<Event extends LifeEvent>(
  subject: Subject,
  event: Event,
  facts: LifeEvents[Event],
): CommandPatch | undefined {
  const row: LifeRow<Event> | undefined = lifecycle[subject.stage][event];
  if (row === undefined) return undefined;
  return { ...row.change(subject, facts), id: subject.record.id };
}

/** Stage of a command by its record alone: one that was not found at a start. */
export function stageOf(
  record: Pick<CommandRecord, "state" | "presumed">,
): Exclude<Stage, "found"> {
  const { state } = record;
  if (isOpenState(state)) return state;
  if (!hasEndedForGood(record)) return "presumed";
  return state === "lost" ? "lost" : "ended";
}

const OPEN_STAGES: ReadonlySet<Stage> = new Set([...OPEN_STATES, "found"]);

/** True for the stage of a command that has not ended. */
export function isOpenStage(stage: Stage): boolean {
  return OPEN_STAGES.has(stage);
}

/** First fields of a new command: sent at once where a connection takes it, else queued. */
export function birthOf(
  connection: Omit<LifeEvents["sent"], "at"> | undefined,
  at: number,
): Pick<CommandRecord, "state" | "instance" | "session" | "sentAt"> {
  return connection === undefined
    ? { state: "queued", instance: null, session: null, sentAt: null }
    : {
      state: "sent",
      instance: connection.instance,
      session: connection.session,
      sentAt: at,
    };
}
