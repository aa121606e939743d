import { BAD_ENDS } from "../base/command_state.ts";
import type { Database } from "./database.ts";
import type {
  DriftAgentRecord,
  DriftFindings,
  DriftRuleRecord,
  DriftRuleState,
  DriftUntoldRecord,
} from "./drift_records.ts";
import { big, int, nullable, Shape, text } from "./shape.ts";
import { stateList } from "./state_list.ts";

const ruleShape = new Shape<DriftRuleState>({
  rule: text,
  nextAt: int,
  planId: nullable(big),
  toldAt: nullable(int),
});

const agentShape = new Shape<DriftAgentRecord>({
  rule: text,
  agent: text,
  since: int,
  planId: big,
});

const untoldShape = new Shape<DriftUntoldRecord>({
  rule: text,
  agent: text,
  since: int,
  planId: nullable(big),
  reason: text,
});

const FAILED = stateList(BAD_ENDS);

/** Tables of rules of drift, of the agents that differ from their states, and of those of which it cannot be told. */
export class Drift {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  rules(): DriftRuleState[] {
    return this.#db.all(`SELECT ${ruleShape.list} FROM drift_rules`)
      .map((row) => ruleShape.record(row));
  }

  agents(): DriftAgentRecord[] {
    return this.#db.all(
      `SELECT ${agentShape.list} FROM drift_agents ORDER BY rule, agent`,
    ).map((row) => agentShape.record(row));
  }

  untold(): DriftUntoldRecord[] {
    return this.#db.all(
      `SELECT ${untoldShape.list} FROM drift_untold ORDER BY rule, agent`,
    ).map((row) => untoldShape.record(row));
  }

  set({ rule, nextAt, planId }: DriftRuleRecord): void {
    this.#db.run(
      `INSERT INTO drift_rules (rule, next_at, plan_id) VALUES (?, ?, ?)
         ON CONFLICT (rule) DO UPDATE SET next_at = excluded.next_at, plan_id = excluded.plan_id`,
      rule,
      Math.trunc(nextAt),
      planId,
    );
  }

  endRound(
    rule: DriftRuleRecord,
    { found, gone, untold = [], toldAt }: DriftFindings,
  ): void {
    this.set(rule);
    if (toldAt !== undefined) {
      this.#db.run(
        "UPDATE drift_rules SET told_at = ? WHERE rule = ?",
        Math.trunc(toldAt),
        rule.rule,
      );
    }
    for (const { agent, since, planId } of found) {
      this.#db.run(
        `INSERT INTO drift_agents (rule, agent, since, plan_id) VALUES (?, ?, ?, ?)
           ON CONFLICT (rule, agent) DO UPDATE SET plan_id = excluded.plan_id`,
        rule.rule,
        agent,
        Math.trunc(since),
        planId,
      );
    }
    this.#db.run(
      `DELETE FROM drift_agents WHERE rule = ?
         AND agent IN (SELECT value FROM json_each(?))`,
      rule.rule,
      JSON.stringify(gone),
    );
    this.#db.run(
      `DELETE FROM drift_untold WHERE rule = ?
         AND agent IN (SELECT value FROM json_each(?))`,
      rule.rule,
      JSON.stringify([...gone, ...found.map(({ agent }) => agent)]),
    );
    for (const { agent, since, planId, reason } of untold) {
      this.#db.run(
        `INSERT INTO drift_untold (rule, agent, since, plan_id, reason) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (rule, agent) DO UPDATE SET plan_id = excluded.plan_id, reason = excluded.reason`,
        rule.rule,
        agent,
        Math.trunc(since),
        planId,
        reason,
      );
    }
    // The last plan stays for people, and one that was applied for its records.
    this.#db.run(
      `DELETE FROM plans WHERE drift = ?1
         AND id < (SELECT max(id) FROM plans WHERE drift = ?1)
         AND id NOT IN (SELECT plan_id FROM drift_agents)
         AND id NOT IN (SELECT plan_id FROM drift_untold WHERE plan_id IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM plan_agents
           WHERE plan_id = plans.id AND apply_job IS NOT NULL)`,
      rule.rule,
    );
  }

  keep(rules: readonly string[]): void {
    for (const table of ["drift_rules", "drift_agents", "drift_untold"]) {
      this.#db.run(
        `DELETE FROM ${table} WHERE rule NOT IN (SELECT value FROM json_each(?))`,
        JSON.stringify(rules),
      );
    }
  }

  /** Names of agents whose last apply of a state has failed. */
  failedApplies(stateName: string): string[] {
    return this.#db.all(
      `SELECT a.agent AS agent FROM plan_agents a
         JOIN commands c ON c.id = a.apply_command
        WHERE c.state IN ${FAILED} AND a.plan_id = (
          SELECT max(b.plan_id) FROM plan_agents b JOIN plans p ON p.id = b.plan_id
           WHERE b.agent = a.agent AND b.apply_command IS NOT NULL AND p.state_name = ?)`,
      stateName,
    ).map((row) => row["agent"] as string);
  }
}
