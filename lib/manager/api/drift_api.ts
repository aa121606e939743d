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

/** Agent of which it cannot be told if it differs. */
export interface DriftUntoldView {
  /** Name of it. */
  readonly agent: string;
  /** Time from which that has been so, in milliseconds since 1970. */
  readonly since: number;
  /** Last plan that could not tell; null if none could be made. */
  readonly planId: bigint | null;
  /** Text for people. */
  readonly reason: string;
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
  /** Agents of which it could not be told. One may also be in a group: it differed when that could be told last. */
  readonly untold: readonly DriftUntoldView[];
  /** End of the last plan that has told of an agent, in milliseconds since 1970; null for none. */
  readonly toldAt: number | null;
  /** Reason for which the last plan could not be made; empty if it was. */
  readonly problem: string;
}

/** Drift: hosts that differ from their states. */
export interface DriftAdmin {
  /**
   * Rules in the order of config.yaml, with the agents that differ or cannot be told of. Who does not see all agents gets
   * the rules with such an agent that he sees.
   */
  list(sight?: Sight): Promise<DriftRuleView[]>;
}
