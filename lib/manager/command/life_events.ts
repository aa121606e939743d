import type { CommandStateName } from "../../base/command_state.ts";
import type { CommandPatch, CommandRecord } from "../../store/records.ts";

/**
 * Stage of a command: its recorded state, told apart where the same state has two meanings.
 *
 * - `found`: queued, and found so at the Manager's start. The database may have come back from a backup, so that even a
 *   queued command may have run.
 * - `presumed`: lost or timed out by a guess of the Manager. The agent's word replaces it.
 * - `lost`: ended by a LOST result. Another agent of the same name may still have the command.
 * - `ended`: ended for good.
 */
export type Stage =
  | "queued"
  | "found"
  | "sent"
  | "running"
  | "presumed"
  | "lost"
  | "ended";

/** Command as the table sees it. */
export interface Subject {
  readonly record: CommandRecord;
  readonly stage: Stage;
  /** A request to cancel it is on disk. */
  readonly cancelIsRecorded: boolean;
}

/** Events in the life of a command, with what each one tells. Times are milliseconds since 1970, by the Manager's clock. */
export interface LifeEvents {
  /** The Manager binds it to a connection, before its first byte leaves. */
  sent: { instance: string; session: bigint; at: number };
  /** The agent sends progress or output of it. */
  heard: { at: number };
  /** The agent sends its result. `outcome` is how it ended, without the fields that follow from that. */
  result: { outcome: Outcome };
  /** An operator asks for its end. */
  cancelled: { by: string; saidBy?: string; graceMs: number; at: number };
  /** A hello lists it as accepted. */
  listedAccepted: { instance: string; at: number };
  /** A hello lists it as running or finished. */
  listedBegun: { instance: string; at: number };
  /** A hello does not list it, and shows that it never arrived. */
  neverArrived: { at: number };
  /** A hello does not list it, and does not show that it never arrived. */
  forgotten: { at: number };
  /** The connection ended before the first byte was written. */
  neverWritten: { at: number };
  /** The connection of an agent that cannot resume ended. `why` is empty, or begins with a colon. */
  disconnected: { why: string; at: number };
  /** The timeout has passed of an agent that does not measure it. */
  overdue: { at: number };
  /** An operator waits no longer. */
  givenUp: { by: string; saidBy?: string; at: number };
  /** An operator removed its agent. */
  removed: { at: number };
  /** The operator who asked for it may not do it any more. */
  denied: { reason: string; at: number };
}

export type LifeEvent = keyof LifeEvents;

/** Fields of a command that change. */
export type Fields = Omit<CommandPatch, "id" | "after" | "keys">;

/** State that a result tells, and the fields that go with it. */
export type Outcome =
  & Omit<Fields, "presumed">
  & { readonly state: CommandStateName };
