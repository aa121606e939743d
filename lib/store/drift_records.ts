import type { Delivery, NewDelivery } from "./delivery_records.ts";

/** Progress of a rule of drift. Times are milliseconds since 1970. */
export interface DriftRuleRecord {
  /** Name of it: state and target expressions. */
  readonly rule: string;
  /** Time of its next plan. */
  readonly nextAt: number;
  /** Plan that is being looked at; null for none. */
  readonly planId: bigint | null;
}

/** A rule as it is read. */
export interface DriftRuleState extends DriftRuleRecord {
  /** End of the last plan that has told of an agent; null for none. */
  readonly toldAt: number | null;
}

/** Agent that differs from its state. */
export interface DriftAgentRecord {
  readonly rule: string;
  readonly agent: string;
  /** Time at which that was found first. */
  readonly since: number;
  /** Last plan that found it. */
  readonly planId: bigint;
}

/** Agent of which a rule cannot tell if it differs. */
export interface DriftUntoldRecord {
  readonly rule: string;
  readonly agent: string;
  /** Time from which that has been so. */
  readonly since: number;
  /** Last plan that could not tell; null if none could be made. */
  readonly planId: bigint | null;
  /** Text for people. */
  readonly reason: string;
}

/** Findings of a plan of a rule. */
export interface DriftFindings {
  /** Agents that differ. One that is there already keeps its time. */
  readonly found: readonly DriftAgentRecord[];
  /** Names of agents that do not differ any more. */
  readonly gone: readonly string[];
  /**
   * Agents of which it could not be told. One that is there already keeps its time, and one that is found or gone is
   * told. None if absent.
   */
  readonly untold?: readonly DriftUntoldRecord[];
  /** Time of the end of the plan, if it has told of an agent. */
  readonly toldAt?: number;
  /** News in it. */
  readonly news: readonly DriftNews[];
}

/** News of drift, of which webhooks tell. */
export interface DriftNews {
  readonly event: "drift.found" | "drift.heal_failed" | "drift.gone";
  /** Data of the message, as JSON. */
  readonly subject: string;
  /** Time of the news, in milliseconds since 1970. */
  readonly at: number;
}

/** Requests to the store about drift. */
export interface DriftStore {
  driftRules(): Promise<DriftRuleState[]>;
  /** Agents that differ, by rule and name. */
  driftAgents(): Promise<DriftAgentRecord[]>;
  /** Agents of which rules cannot tell, by rule and name. */
  driftUntold(): Promise<DriftUntoldRecord[]>;
  /** Records the progress of a rule. */
  setDriftRule(rule: DriftRuleRecord): Promise<void>;
  /**
   * Records findings and ends the round, and adds what webhooks are to tell of that, in one write. Plans of the rule that
   * nothing names any more are deleted. Returns what it added.
   */
  endDriftRound(
    rule: DriftRuleRecord,
    findings: DriftFindings,
    deliveries?: readonly NewDelivery[],
  ): Promise<Delivery[]>;
  /** Forgets rules that are not among these, with their agents. */
  keepDriftRules(rules: readonly string[]): Promise<void>;
  /** Names of agents whose last apply of a state has failed. */
  failedApplies(stateName: string): Promise<string[]>;
}
