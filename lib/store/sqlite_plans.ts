import type { ActWriter } from "./act_writer.ts";
import type {
  DriftAgentRecord,
  DriftRuleState,
  DriftUntoldRecord,
} from "./drift_records.ts";
import type { PlanAgentRecord, PlanRecord } from "./plan_records.ts";
import { SqliteAgents } from "./sqlite_agents.ts";
import type { Store } from "./store.ts";
import type { StoreArgs as Args } from "./store_args.ts";
import type { Tables } from "./tables.ts";
import type { Writer } from "./writer.ts";

/** Part of the Store on an SQLite database that has plans. */
export class SqlitePlans extends SqliteAgents {
  readonly #tables: Tables;
  readonly #writer: Writer;
  readonly #acts: ActWriter;

  constructor(parts: ConstructorParameters<typeof SqliteAgents>[0]) {
    super(parts);
    this.#tables = parts.tables;
    this.#writer = parts.writer;
    this.#acts = parts.acts;
  }

  plan(id: bigint): Promise<PlanRecord | undefined> {
    return this.#writer.read(() => this.#tables.plans.get(id));
  }

  plans(...[filter]: Args<"plans">): Promise<PlanRecord[]> {
    return this.#writer.read(() => this.#tables.plans.list(filter));
  }

  planAgents(...[id, agent]: Args<"planAgents">): Promise<PlanAgentRecord[]> {
    return this.#writer.read(() => this.#tables.plans.agents(id, agent));
  }

  planBlobs(...[id, owners]: Args<"planBlobs">): Promise<string[]> {
    return this.#writer.read(() => this.#tables.plans.blobs(id, owners));
  }

  planPlaces(...[filter]: Args<"planPlaces">): Promise<string> {
    return this.#writer.read(() => this.#tables.plans.places(filter));
  }

  addPlan(
    ...[plan, agents, blobs]: Args<"addPlan">
  ): ReturnType<Store["addPlan"]> {
    return this.#writer.write(
      () => this.#tables.plans.add(plan, agents, blobs),
      { rows: agents.length, bytes: 0 },
    );
  }

  changePlan(...[id, change, audit]: Args<"changePlan">): Promise<void> {
    return this.#acts.write(
      audit,
      () => this.#tables.plans.change(id, change),
    );
  }

  driftRules(): Promise<DriftRuleState[]> {
    return this.#writer.read(() => this.#tables.drift.rules());
  }

  driftAgents(): Promise<DriftAgentRecord[]> {
    return this.#writer.read(() => this.#tables.drift.agents());
  }

  driftUntold(): Promise<DriftUntoldRecord[]> {
    return this.#writer.read(() => this.#tables.drift.untold());
  }

  setDriftRule(...[rule]: Args<"setDriftRule">): Promise<void> {
    return this.#writer.write(() => this.#tables.drift.set(rule));
  }

  endDriftRound(
    ...[rule, findings, deliveries = []]: Args<"endDriftRound">
  ): ReturnType<Store["endDriftRound"]> {
    return this.#writer.write(() => {
      this.#tables.drift.endRound(rule, findings);
      return this.#tables.deliveries.add(deliveries);
    });
  }

  keepDriftRules(...[rules]: Args<"keepDriftRules">): Promise<void> {
    return this.#writer.write(() => this.#tables.drift.keep(rules));
  }

  failedApplies(...[stateName]: Args<"failedApplies">): Promise<string[]> {
    return this.#writer.read(() => this.#tables.drift.failedApplies(stateName));
  }
}
