import type { JobCounts } from "../base/job_counts.ts";
import type { EntryStateName, JobStateName } from "../base/job_state.ts";
import type { CommandRecord } from "./records.ts";

/** A number of the agents of a job, or a part of them in percent. */
export type Share = { readonly count: number } | { readonly percent: number };

/** Choice of the agents of a request, as it is asked for. */
export interface TargetSelection {
  /** Target expressions; several are a union. */
  readonly expressions: readonly string[];
  /** Target expressions of what is left out. */
  readonly exclude?: readonly string[];
  /** Leaves out agents that are not connected. */
  readonly connectedOnly?: boolean;
  /** Takes names that are not enrolled as a note. */
  readonly allowMissing?: boolean;
  /** Size of a random sample. */
  readonly limit?: Share | undefined;
  /** Number that repeats a sample, below 2^32. */
  readonly seed?: number | undefined;
}

/** Signature of a statement, as the Manager got it. */
export interface SignatureRecord {
  /** Public key of the operator: "ed25519:" and base64. */
  readonly key: string;
  /** Signature of the statement, base64. */
  readonly signature: string;
  /** User who brought it, by evidence. */
  readonly by: string;
  /** Time at which it was brought, in milliseconds since 1970. */
  readonly at: number;
}

/** Statement that operators sign, so that agents need not believe the Manager. */
export interface SignedRecord {
  /** Canonical JSON. */
  readonly statement: string;
  /** Signatures that it has, each by another key. */
  readonly signatures: readonly SignatureRecord[];
  /** Signatures without which the job does not start, a count. */
  readonly needed: number;
}

/** Limits of a job. Times are milliseconds. */
export interface JobLimits {
  /** Most commands at the same time; all if absent. */
  readonly batch?: Share | undefined;
  /** Number of agents that come first. */
  readonly canary?: Share | undefined;
  /** Target expressions of the agents that come first, instead of `canary`; none if empty. */
  readonly canaryTargets: readonly string[];
  /** Number of agents that have not done it at which nothing more is started. */
  readonly maxFailures?: Share | undefined;
  /** True if what runs is cancelled then. */
  readonly cancelRest: boolean;
  /** Time after the end of a command in which its place stays taken. */
  readonly pauseMs?: number | undefined;
  /** Order of starting. */
  readonly order: "name" | "random";
  /** Time for the whole job, from its start on. */
  readonly deadlineMs?: number | undefined;
  /** Time in which agents that are away may come back, from the job's start on. */
  readonly queueMs?: number | undefined;
  /** Entries of earlier jobs with this key are superseded; empty for none. */
  readonly supersedeKey: string;
}

/** End of a job that its entries do not tell. */
export type JobEnd = "stopped" | "cancelled" | "expired";

/** A job with all its facts. Times are milliseconds since 1970. */
export interface JobRecord {
  /** Id of the job. */
  readonly id: bigint;
  /** Id of the request that made it. */
  readonly requestId: string;
  /** State of it. */
  readonly state: JobStateName;
  /** End that it comes to once its commands have ended; null while more may start. */
  readonly endsAs: JobEnd | null;
  /** Reason of its state, for people. */
  readonly reason: string;
  /** Target expressions and their options. */
  readonly targets: TargetSelection;
  /** Name of the operation. */
  readonly operation: string;
  /** Parameters: a JSON object. */
  readonly params: string;
  /** Limit on the run time of each command, in milliseconds; null for none. */
  readonly timeoutMs: number | null;
  /** Fate of a command while its agent is away. */
  readonly onDisconnect: "continue" | "kill";
  /** Time without a connection after which "kill" ends a command, in milliseconds. */
  readonly killAfterMs: number | null;
  /** True if the programs of its commands outlive their agents. */
  readonly survive: boolean;
  /** Limits of the job. */
  readonly limits: JobLimits;
  /** Name for people. */
  readonly name: string;
  /** Note for people. */
  readonly note: string;
  /** Statement that operators have signed; null for a job that nobody signed. */
  readonly signed: SignedRecord | null;
  /** Users who have approved of it, by evidence. */
  readonly approvedBy: readonly string[];
  /** User who asked for it, by evidence. */
  readonly requestedBy: string;
  /** Name that the client gave itself; empty for none. */
  readonly saidBy: string;
  /** Number of the token of the operator who asked for it; null for a user of the Manager's machine. */
  readonly tokenId: number | null;
  /** Time of its creation. */
  readonly createdAt: number;
  /** Time of its end; null while it goes on. */
  readonly finishedAt: number | null;
  /** Id of the job that it repeats. */
  readonly rerunOf: bigint | null;
  /** Time of the first cancel; null for none. */
  readonly cancelRequestedAt: number | null;
  /** User who asked for the cancel, by evidence; empty if nobody did. */
  readonly cancelRequestedBy: string;
  /** Name that the client of the cancel gave itself; empty for none. */
  readonly cancelSaidBy: string;
  /** Time between SIGTERM and SIGKILL of the cancel, in milliseconds; null for the usual one. */
  readonly cancelGraceMs: number | null;
  /** Number of entries. */
  readonly total: number;
  /** Number of entries that come first. */
  readonly canaries: number;
  /** Counts of an ended job. Those of a job that goes on are in memory. */
  readonly counts: JobCounts;
}

/** Fields that change in the life of a job. */
type ChangingField =
  | "state"
  | "endsAs"
  | "reason"
  | "finishedAt"
  | "cancelRequestedAt"
  | "cancelRequestedBy"
  | "cancelSaidBy"
  | "cancelGraceMs"
  | "counts";

/** Fields that a job is made with. */
export type NewJob = Omit<JobRecord, "id" | "total" | ChangingField>;

/** Changes of a job; absent fields stay unchanged. */
export type JobPatch =
  & { readonly id: bigint }
  & Partial<Pick<JobRecord, ChangingField>>;

/** Filter of a list of jobs. */
export interface JobFilter {
  /** Most jobs to return. */
  readonly limit: number;
  /** Only jobs with a smaller id. */
  readonly beforeId?: bigint;
  /** Only jobs in one of these states. */
  readonly states?: readonly JobStateName[];
  /** Only jobs whose name or note has this text. */
  readonly text?: string;
  /** Only jobs with an entry for this agent. */
  readonly agent?: string;
  /** Only jobs without an entry for any other agent than these. */
  readonly onlyAgents?: readonly string[];
}

/** Part of a command that an entry shows. */
export type EntryCommand = Pick<
  CommandRecord,
  | "id"
  | "agent"
  | "state"
  | "presumed"
  | "reason"
  | "errorCode"
  | "exitCode"
  | "signal"
  | "changed"
  | "createdAt"
  | "startedAt"
  | "finishedAt"
  | "stdoutHeld"
  | "stderrHeld"
  | "truncated"
  | "stdoutSha256"
  | "stderrSha256"
  | "hashOfKept"
  | "progressCurrent"
  | "progressTotal"
  | "progressMessage"
>;

/** An agent of a job. */
export interface EntryRecord {
  /** Place in the order of starting, from 0. */
  readonly position: number;
  /** Name of the agent. */
  readonly agent: string;
  /** State of it. */
  readonly state: EntryStateName;
  /** Reason of its state, for people. */
  readonly reason: string;
  /** True if it comes first. */
  readonly canary: boolean;
  /** Id of its command; null without one. */
  readonly commandId: bigint | null;
  /** Command of the entry; null without one, or if that was deleted since. */
  readonly command: EntryCommand | null;
}

/** Entries that have not started, in the order of starting. The lists are of the same length. */
export interface UnstartedEntries {
  readonly positions: readonly number[];
  readonly agents: readonly string[];
}

/** Set of the agents of a job: all, or those whose entry came to such an end. */
export type JobSetName = "job" | "ok" | "failed" | "lost" | "unreachable";

/** A step of entries in their life: those in a state of `from` come to `to`. */
export interface EntryMove {
  readonly from: readonly EntryStateName[];
  readonly to: EntryStateName;
  readonly reason: string;
  /** Time of the step, in milliseconds since 1970. */
  readonly at: number;
}

/** An entry that a step has changed. */
export interface MovedEntry {
  /** The job. */
  readonly job: bigint;
  readonly position: number;
  readonly from: EntryStateName;
  readonly to: EntryStateName;
}

/** Entries that start now, each with what its command is made with. The lists are of the same length. */
export interface StartedEntries {
  /** The job. */
  readonly job: bigint;
  /** Step of the entries. */
  readonly move: EntryMove;
  readonly positions: readonly number[];
  readonly agents: readonly string[];
  readonly instances: readonly string[];
  readonly sessions: BigUint64Array<ArrayBuffer>;
  readonly nonces: BigUint64Array<ArrayBuffer>;
}

/** A job that had not ended when the Manager stopped, as far as its entries tell. */
export interface FoundJob {
  readonly record: JobRecord;
  readonly counts: JobCounts;
  /** First position whose turn has not come. */
  readonly cursor: number;
  /** Commands that have not ended, and those whose end is only presumed. */
  readonly commands: readonly {
    readonly id: bigint;
    readonly position: number;
    readonly state: CommandRecord["state"];
  }[];
}
