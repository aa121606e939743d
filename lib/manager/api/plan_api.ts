import type { Asker } from "../../base/asker.ts";
import type { JobLimits, TargetSelection } from "../../store/job_records.ts";
import type {
  PlanCounts,
  PlanFilter,
  PlanRecord,
} from "../../store/plan_records.ts";
import type { Rights, Sight } from "./access_api.ts";
import type { ApprovalView, Decider, ProposedJob } from "./approval_api.ts";
import type { JobNotes, StartedJob } from "./job_api.ts";

/** Request for a plan. */
export interface PlanRequest extends Asker {
  /** Name of the state; empty for the whole states of the agents. */
  readonly stateName: string;
  /** Target expressions and their options. */
  readonly targets: TargetSelection;
  /** Id of the request: asked again, it makes no second plan. */
  readonly requestId: string;
  /** Note for people. */
  readonly note: string;
  /** Rights of the asker on agents; all if absent. */
  readonly rights?: Rights;
  /** Leaves out agents on which rules do not allow it, instead of an error. */
  readonly skipDenied?: boolean;
  /** Rule of drift that asks for it; empty for people. */
  readonly drift?: string;
  /** Names, ends of names, tags or patterns of the only steps to plan; all if absent. */
  readonly only?: readonly string[];
  /** True to have no plan of a host with a step that cannot be told yet. */
  readonly strict?: boolean;
  /** Longest time of the job that looks at the hosts, in milliseconds; unbounded if absent. */
  readonly deadlineMs?: number;
}

/** Request to apply a plan. */
export interface ApplyRequest extends Asker {
  /** Id of the request: asked again, it starts no second job. */
  readonly requestId: string;
  /** Window and limits of the job. */
  readonly limits: JobLimits;
  /** Names of the agents of the plan to take; all if absent. */
  readonly agents?: readonly string[];
  /** Names, ends of names, tags or patterns of the only steps to run; those of the plan if absent. */
  readonly only?: readonly string[];
  /** True to refuse what the plan could not tell, also if it was not made so. */
  readonly strict?: boolean;
  /** True if it may wait for approvals; otherwise one that needs more is refused. */
  readonly acceptsApproval?: boolean;
  /** Note for people. */
  readonly note: string;
  /** Rights of the asker on agents; all if absent. */
  readonly rights?: Rights;
}

/** Error of a state, with the agents that have it. */
export interface PlanProblem {
  /** Place and error, with the line; several lines. */
  readonly text: string;
  /** Names of the agents. */
  readonly agents: readonly string[];
}

/** A plan that was asked for, or the errors for which there is none. */
export type MadePlan =
  | {
    /** The plan. */
    readonly plan: PlanView;
    /** Undefined if the request was asked before. */
    readonly notes: JobNotes | undefined;
    /** Names of the agents that do not have the state. */
    readonly without: readonly string[];
    /** Names of the agents whose state has none of the steps. */
    readonly withoutSteps: readonly string[];
  }
  | {
    /** Errors of the state. */
    readonly problems: readonly PlanProblem[];
  };

/** State of a plan. */
export type PlanState =
  | "planning"
  | "open"
  | "applying"
  | "applied"
  | "partly"
  | "stale"
  | "withdrawn"
  /** Plan without anything to do on any agent. */
  | "same";

/** State of an agent of a plan. */
export type PlanEntryState =
  | "planning"
  | "planned"
  /** Agent on which no step would change anything. */
  | "same"
  /** Agent that could not be planned. */
  | "failed"
  | "applying"
  | "applied"
  /** Agent on which nothing was done: something was not as planned, or the plan was too old. */
  | "refused"
  | "apply_failed"
  | "lost";

/** Change that a plan has found, for people. */
export interface PlannedChange {
  /** Changed thing, as content, mode or owner. */
  readonly what: string;
  /** Value before. */
  readonly from?: string;
  /** Value after. */
  readonly to?: string;
  /** Numbers of lines of a text that are added and removed. */
  readonly lines?: { readonly added: number; readonly removed: number };
  /** Difference of two texts, as a patch. */
  readonly text?: string;
}

/** Place of a step in the files of states. */
export interface StepPlace {
  /** Path below the Manager's folder, with slashes, as states/all.yaml. */
  readonly file: string;
  /** Line, counted from 1. */
  readonly line: number;
}

/** Place of a step with its name. */
export interface NamedPlace extends StepPlace {
  /** Full name of the step. */
  readonly step: string;
}

/** Step of a plan that is not as it should be, or cannot be told. */
export interface PlannedStep {
  /** Full name. */
  readonly name: string;
  /** Name of its operation. */
  readonly operation: string;
  /** Place in the files of states, as they were when it was planned; absent if that is not known. */
  readonly place?: StepPlace;
  /** Verdict of the check: a change, not to be told yet, or impossible. */
  readonly verdict: "change" | "unknown" | "failed";
  /** Parts of the host that would change. */
  readonly changes: readonly PlannedChange[];
  /** Reason of a verdict that is not plain from the changes. */
  readonly reason?: string;
  /** Reason for which it cannot be done. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Changes of a former run that it is to react to: the time of the first, in milliseconds since 1970, and the steps. */
  readonly owed?: {
    readonly since: number;
    readonly causes: readonly string[];
  };
}

/** Agent of a plan. */
export interface PlanEntry {
  /** Name of the agent. */
  readonly agent: string;
  /** State of the plan on it. */
  readonly state: PlanEntryState;
  /** Reason of a failure or refusal, for people; empty for none. */
  readonly message: string;
  /** Steps by their verdicts. */
  readonly counts: PlanCounts;
  /** SHA-256 of its compiled state. */
  readonly sheet: string;
  /** Version of its build when it was planned. */
  readonly version: string;
  /** Job that was to apply it there; null for none. */
  readonly applyJob: bigint | null;
  /** Command that has applied it; null for none. */
  readonly applyCommand: bigint | null;
  /** Result of that command: counts, the failed step, what is owed, what moved; JSON, or empty. */
  readonly applyData: string;
  /** Places of the steps that this result names, as the files were when it was planned; only of a single plan. */
  readonly places: readonly NamedPlace[];
}

/** Place of a step that a command is about. */
export interface CommandPlace extends NamedPlace {
  /** Name of its state; empty for the whole state of the agent. */
  readonly stateName: string;
}

/** Agents with the same changes. The steps are those of the first of them. */
export interface PlanGroup {
  /** Names of the agents. */
  readonly agents: readonly string[];
  /** Steps that are neither as they should be nor skipped. */
  readonly steps: readonly PlannedStep[];
}

/** A plan as people see it. */
export interface PlanView extends Omit<PlanRecord, "requestId"> {
  /** State of it. */
  readonly state: PlanState;
  /** Agents in the order of their names. */
  readonly entries: readonly PlanEntry[];
  /** Agents on which something would change or cannot be told; only of a single plan. */
  readonly groups: readonly PlanGroup[];
  /** Names of the secrets in it, sorted; only of a single plan. */
  readonly secrets: readonly string[];
  /** SHA-256 over all that it would do, in hex digits; empty until all hosts were looked at. */
  readonly sha256: string;
}

/** Plans: what states would change, bound to what was found. */
export interface PlanAdmin {
  /**
   * Compiles a state for agents, and starts a job that finds out what it would change. Errors of the state are told
   * instead, and then nothing is recorded.
   *
   * @throws {PiriError} NOT_FOUND if no agent has the state; as a job
   */
  make(request: PlanRequest): Promise<MadePlan>;
  /**
   * Fetches a plan.
   *
   * @throws {PiriError} NOT_FOUND
   */
  get(id: bigint, sight?: Sight): Promise<PlanView>;
  /** Lists plans, newest first, without their groups. */
  list(filter: PlanFilter, sight?: Sight): Promise<PlanView[]>;
  /**
   * Finds the places of steps of commands in the files of states, as these were when the states were compiled. Those that
   * are not known, as of a state that was compiled elsewhere, are left out.
   *
   * @param wanted Full names of steps by the ids of their commands; those that the result names if empty.
   * @throws {PiriError} NOT_FOUND
   */
  placesOf(
    wanted: ReadonlyMap<bigint, readonly string[]>,
    sight?: Sight,
  ): Promise<ReadonlyMap<bigint, readonly CommandPlace[]>>;
  /**
   * Starts a job that applies a plan on the agents on which something would change, or records that it waits if it needs
   * approvals that the plan does not have.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION for one that is not ready, or has nothing to do; REFUSED for one
   * that is over 24 h old, withdrawn or used up; as a job
   */
  apply(
    id: bigint,
    request: ApplyRequest,
  ): Promise<StartedJob | ProposedJob>;
  /**
   * Approves of exactly this plan: of what waits for approvals to apply it, or for whoever applies it later.
   *
   * @throws {PiriError} NOT_FOUND; DENIED for who asked, and for one whose rules do not allow it; FAILED_PRECONDITION for
   * another plan than that of the SHA-256, or one that was approved by the same user; REFUSED for one that cannot be
   * applied any more
   */
  approve(
    id: bigint,
    decision: Decider & {
      readonly note: string;
      /** SHA-256 that the plan must have, in hex digits; any if empty. */
      readonly sha256: string;
    },
  ): Promise<{
    readonly plan: PlanView;
    /** Jobs that have waited for it. */
    readonly approvals: readonly ApprovalView[];
  }>;
  /**
   * Withdraws a plan: no agent begins it any more.
   *
   * @throws {PiriError} NOT_FOUND
   */
  withdraw(
    id: bigint,
    asker: Asker & { readonly rights?: Rights },
  ): Promise<PlanView>;
}

/** Agent that a state is compiled for. */
export interface SheetAgent {
  readonly id: string;
  readonly groups: readonly string[];
  /** Facts; undefined for an agent that has told none. */
  readonly facts: Readonly<Record<string, string>> | undefined;
  /** Facts that operators have set. */
  readonly setFacts: Readonly<Record<string, string>>;
}

/** State that was compiled for an agent. */
export interface CompiledSheet {
  /** False if the agent has no such state. */
  readonly exists: boolean;
  /** Errors with their places and lines. */
  readonly problems: readonly string[];
  /** The compiled state as JSON. */
  readonly json: string;
  /** SHA-256 of the JSON in hex digits. */
  readonly sha256: string;
  /** Contents that it names by their hashes. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** Paths of the Manager's files that it names by their hashes. */
  readonly sources: ReadonlyMap<string, string>;
  /** Places of its steps, as `writePlaces` writes them; empty for none. */
  readonly places: string;
  /** Questions that it asked about facts of the agent, as `factAnswer` takes them. */
  readonly factsAsked: readonly string[];
}

/** States of a Manager. */
export interface StateSource {
  /** Names of all states; an agent's whole state has the empty name. */
  names(): Promise<readonly string[]>;
  /** Compiles a state for an agent. */
  compile(state: string, agent: SheetAgent): Promise<CompiledSheet>;
  /** Paths of the files and folders of states and custom operations that are for one agent alone. */
  placesOf(agent: string): Promise<readonly string[]>;
  /** Content of a file of the Manager. */
  read(path: string): Promise<Uint8Array>;
}
