import type { Checkpoint } from "../base/checkpoint.ts";

/** Act that somebody asked for, as it is to be recorded. Times are milliseconds since 1970. */
export interface NewAudit {
  /** Time of the request. */
  readonly at: number;
  /** User by evidence; empty for a caller that has no users. */
  readonly who: string;
  /** Kind of evidence: "socket". */
  readonly credential: string;
  /** Place that the request came from: "local". */
  readonly origin: string;
  /** Name of the call in the control API, such as "StartJob". */
  readonly act: string;
  /** Agents, target expressions, command or job that the act is on. */
  readonly target: string;
  /** Operation of the agents, such as "command.Run"; empty if the act has none. */
  readonly operation: string;
  /** Decision about the request. */
  readonly decision: "allowed" | "denied";
  /** Rule that decided; empty if there was none to ask. */
  readonly rule: string;
  /** SHA-256 of what was to be done; null for an act without parameters. */
  readonly statement: Uint8Array | null;
  /** Result of the act, such as the job that it made; empty if the store tells it. */
  readonly outcome: string;
  /** Name that the client gave itself. */
  readonly note: string;
}

/** Entry of the audit. */
export interface AuditRecord extends NewAudit {
  /** Place in the chain, from 1. */
  readonly id: bigint;
  /** SHA-256 of the hash before it and this entry. */
  readonly hash: Uint8Array;
}

/** Entries to leave out of a page: those that do not have these values. */
export interface AuditFilter {
  /** User by evidence. */
  readonly who?: string | undefined;
  /** Name of the call. */
  readonly act?: string | undefined;
  /** One of the names in the target. */
  readonly target?: string | undefined;
  /** Earliest time, in milliseconds since 1970. */
  readonly since?: number | undefined;
}

/** Direction in which the audit is read on from an id, which is not part of the page itself. */
export interface AuditRange {
  /** Id to read on from; from the end of the chain, or its beginning, if absent. */
  readonly from?: bigint | undefined;
  readonly direction: "older" | "newer";
  readonly limit: number;
  readonly filter: AuditFilter;
}

/** Part of the audit. */
export interface AuditPage {
  readonly entries: readonly AuditRecord[];
  /** Id to read on from; undefined if there is no more in this direction now. */
  readonly reached: bigint | undefined;
}

/** Place in the chain up to which it is whole. */
export interface AuditMark {
  readonly id: bigint;
  readonly hash: Uint8Array;
}

/** Mistake in the chain. */
export interface AuditFinding {
  /** First entry that is not as it was recorded, or is not there. */
  readonly id: bigint;
  /** `cut`: entries at the end are missing. */
  readonly kind: "changed" | "removed" | "added" | "cut";
  /** Text for people. */
  readonly message: string;
}

/** Result of the check of a part of the chain. */
export interface AuditCheck {
  readonly reached: AuditMark;
  /** True once the end of the chain was reached, or a mistake. */
  readonly done: boolean;
  readonly finding: AuditFinding | undefined;
}

/** The two ends of the audit, and what is signed of it. */
export interface AuditState {
  /** Newest entry; id 0 while there is none. */
  readonly end: AuditMark;
  /** Stands for the entries that were pruned; undefined if there are none. */
  readonly stub: Checkpoint | undefined;
  /** Newest checkpoint; undefined if there is none. */
  readonly checkpoint: Checkpoint | undefined;
}

/** Checkpoint in the database. */
export interface CheckpointRecord extends Checkpoint {
  /** Place in the order in which they were made. */
  readonly id: bigint;
}

/** Command as its agent remembers it. */
export interface RememberedCommand {
  readonly id: bigint;
  readonly nonce: bigint;
}

/** Commands that an agent remembers, compared with the record. */
export interface CommandsCompared {
  /** Places in the list of those that the record has. */
  readonly known: readonly number[];
  /** Places of those whose id another command has. */
  readonly other: readonly number[];
  /** Highest id of a command ever. */
  readonly lastId: bigint;
  /** Commands that ended before this time may have been deleted, in milliseconds since 1970. */
  readonly deletedBefore: number;
}
