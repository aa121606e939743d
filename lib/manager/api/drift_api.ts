import type { Sight } from "./access_api.ts";
import type { PlannedStep } from "./plan_api.ts";

/** Agents that differ from a state in the same way. */
export interface DriftGroupView {
  /** Agents of the group. */
  readonly agents: readonly {
    readonly agent: string;
    /** Time at which that was found first, in milliseconds since 1970. */
    readonly since: number;
    /** Last plan that found it. */
    readonly planId: bigint;
  }[];
  /** Steps that would change or cannot be told; none if the plan is no longer in the history. */
  readonly steps: readonly PlannedStep[];
}

/** Rule of drift as people see it. */
export interface DriftRuleView {
  /** Name of the state; empty for the whole states of the agents. */
  readonly stateName: string;
  /** Target expression; empty for who does not see all agents, as it may name others. */
  readonly agents: string;
  /** "apply" if it also heals. */
  readonly action: "plan" | "apply";
  /** Time of its next plan, in milliseconds since 1970. */
  readonly nextAt: number;
  /** Agents that differ, those with the same changes once. */
  readonly groups: readonly DriftGroupView[];
  /** Reason for which the last plan could not be made; empty if it was. */
  readonly problem: string;
}

/** Drift: hosts that differ from their states. */
export interface DriftAdmin {
  /**
   * Rules in the order of config.yaml, with the agents that differ. Who does not see all agents gets the rules by which
   * one differs that he sees.
   */
  list(sight?: Sight): Promise<DriftRuleView[]>;
}
