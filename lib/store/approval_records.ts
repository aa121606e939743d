import type {
  JobLimits,
  JobRecord,
  SignedRecord,
  TargetSelection,
} from "./job_records.ts";

/** State of an approval: it waits, has become a job, or ended without one. */
export type ApprovalState =
  | "waiting"
  | "started"
  | "rejected"
  | "withdrawn"
  | "expired"
  | "refused";

/** One approval by somebody else. */
export interface ApprovalVote {
  /** User who approved, by evidence. */
  readonly by: string;
  /** Number of the token of that operator; null for a user of the Manager's machine. */
  readonly tokenId: number | null;
  /** Note for people. */
  readonly note: string;
  /** Time of the vote, in milliseconds since 1970. */
  readonly at: number;
}

/** Request for the job that waits, as it was asked for. */
export interface ApprovalRequest
  extends Pick<JobRecord, "operation" | "params" | "onDisconnect"> {
  /** Agents that were asked for. */
  readonly targets: TargetSelection;
  /** Longest time of a command, in milliseconds; none if absent. */
  readonly timeoutMs?: number | undefined;
  /** Time without a connection after which a command is ended, in milliseconds. */
  readonly killAfterMs?: number | undefined;
  /** True if the programs of its commands outlive their agents. */
  readonly survive?: boolean | undefined;
  /** Window, canaries and limits of the job. */
  readonly limits: JobLimits;
  /** Name of the job; empty for none. */
  readonly name: string;
  /** Note about the job; empty for none. */
  readonly note: string;
}

/** A job that waits for approvals, or what has become of it. Times are milliseconds since 1970. */
export interface ApprovalRecord {
  /** Number of it: that of a-7 is 7. */
  readonly id: bigint;
  /** Id of the request that asked for the job. */
  readonly requestId: string;
  /** State of it. */
  readonly state: ApprovalState;
  /** Reason of its end, for people. */
  readonly reason: string;
  /** Number of approvals that it needs. */
  readonly needed: number;
  /** Approvals that it has. */
  readonly votes: readonly ApprovalVote[];
  /** Exactly what is to be started, as canonical JSON. */
  readonly statement: string;
  /** SHA-256 of the statement. */
  readonly hash: Uint8Array;
  /** Names of the agents, sorted. */
  readonly agents: readonly string[];
  /** Request for the job. */
  readonly request: ApprovalRequest;
  /** Statement that operators have signed or are to sign; null for none. */
  readonly signed: SignedRecord | null;
  /** User who asked, by evidence. */
  readonly requestedBy: string;
  /** Name that the client gave itself; empty for none. */
  readonly saidBy: string;
  /** Evidence of the user. */
  readonly credential: string;
  /** Place that the request came from. */
  readonly origin: string;
  /** Number of the token of the operator who asked; null for a user of the Manager's machine. */
  readonly tokenId: number | null;
  /** Time of the request. */
  readonly createdAt: number;
  /** Time from which on nobody can approve any more. */
  readonly expiresAt: number;
  /** Null while it waits. */
  readonly endedAt: number | null;
  /** User who ended it; empty if nobody did. */
  readonly endedBy: string;
  /** Job that it has become; null for none. */
  readonly jobId: bigint | null;
}

/** An approval that is not recorded yet. */
export type NewApproval = Omit<
  ApprovalRecord,
  | "id"
  | "state"
  | "reason"
  | "votes"
  | "endedAt"
  | "endedBy"
  | "jobId"
>;

/** Change of an approval that waits. */
export type ApprovalChange =
  | {
    /** Keeps an approval, and the number that is needed now. */
    readonly kind: "vote";
    readonly votes: readonly ApprovalVote[];
    readonly needed: number;
    /** Statement with the signatures that it has now; as before if absent. */
    readonly signed?: SignedRecord;
  }
  | {
    readonly kind: "end";
    readonly state: Exclude<ApprovalState, "waiting">;
    readonly reason: string;
    readonly at: number;
    readonly by: string;
  };

/** Choice of approvals, newest first. */
export interface ApprovalFilter {
  readonly limit: number;
  /** Only those with a smaller id. */
  readonly beforeId?: bigint | undefined;
  /** Only those that wait. */
  readonly waiting?: boolean;
  /** Only that of this job. */
  readonly jobId?: bigint | undefined;
  /** Only that of this request. */
  readonly requestId?: string;
  /** Only those without any other agent than these. */
  readonly onlyAgents?: readonly string[] | undefined;
}

/** The last approval that was needed, recorded together with the job. */
export interface ApprovalStart {
  readonly id: bigint;
  readonly votes: readonly ApprovalVote[];
  readonly needed: number;
  /** Statement with all signatures; null for none. */
  readonly signed: SignedRecord | null;
  /** Time of the start, in milliseconds since 1970. */
  readonly at: number;
}
