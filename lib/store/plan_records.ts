import type { ApprovalVote } from "./approval_records.ts";
import type { TargetSelection } from "./job_records.ts";

/** A plan that is not recorded yet. Times are milliseconds since 1970. */
export interface NewPlan {
  /** Id of the request that asked for it. */
  readonly requestId: string;
  /** Name of the state; empty for the whole states of the agents. */
  readonly stateName: string;
  /** Target expressions and their options. */
  readonly targets: TargetSelection;
  /** Note for people. */
  readonly note: string;
  /** User who asked for it, by evidence. */
  readonly requestedBy: string;
  /** Name that the client gave itself; empty for none. */
  readonly saidBy: string;
  /** Time of its creation. */
  readonly createdAt: number;
  /** Rule of drift that made it; empty for people. */
  readonly drift: string;
  /** Names, tags or patterns of the steps that it is bounded to; empty for all. */
  readonly only: readonly string[];
  /** True if nothing may be done that it could not tell. */
  readonly strict: boolean;
}

/** Approval of a plan by somebody, before anybody has asked to apply it. */
export interface PlanVote extends ApprovalVote {
  /** SHA-256 of the plan that was approved, in hex digits. */
  readonly sha256: string;
}

/** A recorded plan. */
export interface PlanRecord extends NewPlan {
  /** Number of it: that of p-17 is 17. */
  readonly id: bigint;
  /** Job that looked at the hosts; null until it has started. */
  readonly jobId: bigint | null;
  /** Null unless it was withdrawn. */
  readonly withdrawnAt: number | null;
  /** User who withdrew it; empty for nobody. */
  readonly withdrawnBy: string;
  /** Approvals for whoever applies it. */
  readonly votes: readonly PlanVote[];
}

/** Counts of steps by verdict. */
export interface PlanCounts {
  /** Steps that are as they should be. */
  readonly ok: number;
  /** Steps that would change something. */
  readonly change: number;
  /** Steps that cannot be told yet. */
  readonly unknown: number;
  /** Steps that cannot be done. */
  readonly failed: number;
  /** Steps that would not be run. */
  readonly skipped: number;
}

/** Progress of a plan on an agent: the host is being looked at, it was, or it could not be. */
export type PlanAgentState = "planning" | "planned" | "failed";

/** Agent of a plan that is not recorded yet. */
export interface NewPlanAgent {
  readonly agent: string;
  /** SHA-256 of its compiled state, in hex digits. */
  readonly sheet: string;
  /** SHA-256 of a blob with the places of its steps in the files, in hex digits; empty for none. No part of what is applied. */
  readonly places: string;
  /** SHA-256 of the facts that it was compiled with, in hex digits. */
  readonly facts: string;
  /** Facts of its host that its compiled state depends on: questions with their answers, as `keptAnswer` has them. */
  readonly usedFacts: Readonly<Record<string, string>>;
  /** Words that tell this host from others, as its names and addresses. */
  readonly ownWords: readonly string[];
  /** Version of its build. */
  readonly version: string;
  /** Instance of it. */
  readonly instance: string;
}

/** Findings on the host of an agent. */
export interface PlanFindings {
  readonly agent: string;
  readonly state: Exclude<PlanAgentState, "planning">;
  /** Reason of a failure, for people; empty for none. */
  readonly message: string;
  readonly counts: PlanCounts;
  /** SHA-256 of a blob with the findings that an apply expects; empty for none. */
  readonly expect: string;
  /** SHA-256 of a blob with the changes, for people; empty for none. */
  readonly changes: string;
}

/** Agent of a plan. */
export interface PlanAgentRecord
  extends NewPlanAgent, Omit<PlanFindings, "state"> {
  readonly state: PlanAgentState;
  /** Last job that was to apply it there; null for none. */
  readonly applyJob: bigint | null;
  /** Command that has begun to apply it; null for none. */
  readonly applyCommand: bigint | null;
}

/** Choice of the plan of an agent that its steps' places are looked up in: the newest of these. */
export interface PlacesFilter {
  readonly agent: string;
  /** Only plans that were made until then, in milliseconds since 1970. */
  readonly until: number;
  /** Only one with this compiled state. */
  readonly sheet?: string | undefined;
  /** Only one of this state that a command has begun to apply. */
  readonly appliedState?: string | undefined;
}

/** Change of a plan. */
export type PlanChange =
  /** Start of the job that plans. */
  | { readonly kind: "job"; readonly job: bigint }
  /** End of a plan whose job could not be started. */
  | { readonly kind: "drop" }
  | { readonly kind: "findings"; readonly findings: readonly PlanFindings[] }
  /** A job is to apply it. */
  | {
    readonly kind: "apply";
    readonly job: bigint;
    readonly agents: readonly string[];
  }
  /** A command begins to apply it. It has no effect on an agent that another command has begun it on. */
  | {
    readonly kind: "begin";
    readonly agent: string;
    readonly command: bigint;
  }
  | { readonly kind: "vote"; readonly votes: readonly PlanVote[] }
  | { readonly kind: "withdraw"; readonly at: number; readonly by: string };

/** Choice of plans, newest first. */
export interface PlanFilter {
  /** Most plans to return. */
  readonly limit: number;
  /** Only those with a smaller id. */
  readonly beforeId?: bigint | undefined;
  /** True to list plans that rules of drift made, too. */
  readonly withDrift?: boolean;
  /** Only that of this request. */
  readonly requestId?: string;
  /** Only those without any other agent than these. */
  readonly onlyAgents?: readonly string[] | undefined;
}
