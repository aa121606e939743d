import type { DriftStore } from "./drift_records.ts";
import type { NewAudit } from "./audit_records.ts";
import type {
  NewPlan,
  NewPlanAgent,
  PlacesFilter,
  PlanAgentRecord,
  PlanChange,
  PlanFilter,
  PlanRecord,
} from "./plan_records.ts";

/** Requests to the store about plans. */
export interface PlanStore extends DriftStore {
  /** A plan; undefined if there is none. */
  plan(id: bigint): Promise<PlanRecord | undefined>;
  /** Plans, newest first. */
  plans(filter: PlanFilter): Promise<PlanRecord[]>;
  /** Agents of a plan in the order of their names; only one of them if `agent` is given. */
  planAgents(id: bigint, agent?: string): Promise<PlanAgentRecord[]>;
  /** Hashes of the contents that belong to compiled states of a plan, or to findings. */
  planBlobs(id: bigint, owners: readonly string[]): Promise<string[]>;
  /** SHA-256 of the places of the steps of an agent, as the newest plan of a choice has them; empty for none. */
  planPlaces(filter: PlacesFilter): Promise<string>;
  /**
   * Records a plan with its agents. If its request id was used before, returns what is there, with `repeated`.
   *
   * @param blobs Hashes of the contents of each compiled state.
   */
  addPlan(
    plan: NewPlan,
    agents: readonly NewPlanAgent[],
    blobs: ReadonlyMap<string, readonly string[]>,
  ): Promise<{ record: PlanRecord; repeated: boolean }>;
  /**
   * Changes a plan.
   *
   * @throws {PiriError} NOT_FOUND
   */
  changePlan(id: bigint, change: PlanChange, audit?: NewAudit): Promise<void>;
}
