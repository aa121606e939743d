import { PiriError } from "../base/errors.ts";
import { planName } from "../base/plan_name.ts";
import type { Database } from "./database.ts";
import { type Condition, newestRows } from "./newest_rows.ts";
import type {
  NewPlan,
  NewPlanAgent,
  PlacesFilter,
  PlanAgentRecord,
  PlanChange,
  PlanCounts,
  PlanFilter,
  PlanRecord,
} from "./plan_records.ts";
import { big, flag, int, json, nullable, Shape, text, word } from "./shape.ts";

const shape = new Shape<PlanRecord>({
  id: big,
  requestId: text,
  stateName: text,
  targets: json(),
  note: text,
  requestedBy: text,
  saidBy: text,
  createdAt: int,
  drift: text,
  only: json(),
  strict: flag,
  jobId: nullable(big),
  withdrawnAt: nullable(int),
  withdrawnBy: text,
  votes: json(),
});

const NEW_FIELDS = [
  "requestId",
  "stateName",
  "targets",
  "note",
  "requestedBy",
  "saidBy",
  "createdAt",
  "drift",
  "only",
  "strict",
] as const;

const agentShape = new Shape<PlanAgentRecord>({
  agent: text,
  sheet: text,
  places: text,
  facts: text,
  usedFacts: json(),
  ownWords: json(),
  version: text,
  instance: text,
  state: word(),
  message: text,
  counts: json(),
  expect: text,
  changes: text,
  applyJob: nullable(big),
  applyCommand: nullable(big),
});

const NO_COUNTS: PlanCounts = {
  ok: 0,
  change: 0,
  unknown: 0,
  failed: 0,
  skipped: 0,
};

const AGENT_FIELDS = [
  "agent",
  "sheet",
  "places",
  "facts",
  "usedFacts",
  "ownWords",
  "version",
  "instance",
  "state",
  "message",
  "counts",
  "expect",
  "changes",
] as const;

const FOUND_FIELDS = [
  "state",
  "message",
  "counts",
  "expect",
  "changes",
] as const;

const SELECT = `SELECT ${shape.list} FROM plans`;

const HIGHEST_ID = 2n ** 63n - 1n;

/** Tables of plans, their agents, and the contents that they need. */
export class Plans {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Adds one. For a request that was asked before, returns what is there. */
  add(
    plan: NewPlan,
    agents: readonly NewPlanAgent[],
    blobs: ReadonlyMap<string, readonly string[]>,
  ): { record: PlanRecord; repeated: boolean } {
    const [earlier] = this.list({ limit: 1, requestId: plan.requestId });
    if (earlier !== undefined) return { record: earlier, repeated: true };
    const { id } = this.#db.run(
      `INSERT INTO plans (${shape.names(NEW_FIELDS).join(", ")})
         VALUES (${NEW_FIELDS.map(() => "?").join(", ")})`,
      ...shape.cells(plan, NEW_FIELDS),
    );
    const insert = `INSERT INTO plan_agents (plan_id, ${
      agentShape.names(AGENT_FIELDS).join(", ")
    }) VALUES (?, ${AGENT_FIELDS.map(() => "?").join(", ")})`;
    for (const agent of agents) {
      const row = {
        ...agent,
        state: "planning" as const,
        message: "",
        counts: NO_COUNTS,
        expect: "",
        changes: "",
      };
      this.#db.run(insert, id, ...agentShape.cells(row, AGENT_FIELDS));
    }
    for (const [owner, hashes] of blobs) this.#addBlobs(id, owner, hashes);
    const record = this.get(id);
    if (record === undefined) throw new TypeError("the plan is not there");
    return { record, repeated: false };
  }

  get(id: bigint): PlanRecord | undefined {
    const row = this.#db.get(`${SELECT} WHERE id = ?`, id);
    return row && shape.record(row);
  }

  /** Plans of a filter, newest first. */
  list(
    { limit, beforeId = HIGHEST_ID, requestId, onlyAgents, withDrift = true }:
      PlanFilter,
  ): PlanRecord[] {
    const conditions: Condition[] = [["id < ?", beforeId]];
    if (requestId !== undefined) conditions.push(["request_id = ?", requestId]);
    if (!withDrift) conditions.push(["drift = ?", ""]);
    if (onlyAgents !== undefined) {
      conditions.push([
        `NOT EXISTS (SELECT 1 FROM plan_agents WHERE plan_id = plans.id
           AND agent NOT IN (SELECT value FROM json_each(?)))`,
        JSON.stringify(onlyAgents),
      ]);
    }
    return newestRows(this.#db, SELECT, { conditions, limit })
      .map((row) => shape.record(row));
  }

  /** Agents of a plan in the order of their names. */
  agents(id: bigint, agent?: string): PlanAgentRecord[] {
    const select =
      `SELECT ${agentShape.list} FROM plan_agents WHERE plan_id = ?`;
    const rows = agent === undefined
      ? this.#db.all(`${select} ORDER BY agent`, id)
      : this.#db.all(`${select} AND agent = ?`, id, agent);
    return rows.map((row) => agentShape.record(row));
  }

  /** SHA-256 of the places of the steps of an agent, as the newest plan of a choice has them; empty for none. */
  places({ agent, until, sheet, appliedState }: PlacesFilter): string {
    const conditions: Condition[] = [
      ["agent = ?", agent],
      ["created_at <= ?", Math.trunc(until)],
    ];
    if (sheet !== undefined) conditions.push(["sheet = ?", sheet]);
    if (appliedState !== undefined) {
      conditions.push([
        "apply_command IS NOT NULL AND state_name = ?",
        appliedState,
      ]);
    }
    const row = this.#db.get(
      `SELECT places FROM plan_agents JOIN plans ON plans.id = plan_id
         WHERE ${conditions.map(([condition]) => condition).join(" AND ")}
         ORDER BY plan_id DESC LIMIT 1`,
      ...conditions.flatMap(([, ...values]) => values),
    );
    return row === undefined ? "" : row["places"] as string;
  }

  /** Hashes of the contents that belong to compiled states, or to findings. */
  blobs(id: bigint, owners: readonly string[]): string[] {
    return this.#db.all(
      `SELECT DISTINCT sha256 FROM plan_blobs
         WHERE plan_id = ? AND owner IN (SELECT value FROM json_each(?))`,
      id,
      JSON.stringify(owners),
    ).map((row) => row["sha256"] as string);
  }

  /** @throws {PiriError} NOT_FOUND */
  change(id: bigint, change: PlanChange): void {
    if (this.get(id) === undefined) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot change ${planName(id)}: there is no such plan`,
      );
    }
    switch (change.kind) {
      case "job":
        this.#db.run(
          "UPDATE plans SET job_id = ? WHERE id = ?",
          change.job,
          id,
        );
        return;
      case "drop":
        this.#db.run("DELETE FROM plans WHERE id = ?", id);
        return;
      case "withdraw":
        this.#db.run(
          "UPDATE plans SET withdrawn_at = ?, withdrawn_by = ? WHERE id = ? AND withdrawn_at IS NULL",
          Math.trunc(change.at),
          change.by,
          id,
        );
        return;
      case "vote":
        this.#db.run(
          "UPDATE plans SET votes = ? WHERE id = ?",
          JSON.stringify(change.votes),
          id,
        );
        return;
      case "apply":
        this.#db.run(
          `UPDATE plan_agents SET apply_job = ?
             WHERE plan_id = ? AND agent IN (SELECT value FROM json_each(?))`,
          change.job,
          id,
          JSON.stringify(change.agents),
        );
        return;
      case "begin":
        this.#db.run(
          `UPDATE plan_agents SET apply_command = ?
             WHERE plan_id = ? AND agent = ? AND apply_command IS NULL`,
          change.command,
          id,
          change.agent,
        );
        return;
      case "findings":
        for (const found of change.findings) this.#note(id, found);
    }
  }

  #note(
    id: bigint,
    found: Extract<PlanChange, { kind: "findings" }>["findings"][number],
  ): void {
    this.#db.run(
      `UPDATE plan_agents SET ${
        agentShape.names(FOUND_FIELDS).map((name) => `${name} = ?`).join(", ")
      } WHERE plan_id = ? AND agent = ? AND state = 'planning'`,
      ...agentShape.cells(found, FOUND_FIELDS),
      id,
      found.agent,
    );
    const hashes = [found.expect, found.changes].filter((each) => each !== "");
    this.#addBlobs(id, found.expect, hashes);
  }

  #addBlobs(id: bigint, owner: string, hashes: readonly string[]): void {
    for (const sha256 of hashes) {
      this.#db.run(
        "INSERT OR IGNORE INTO plan_blobs VALUES (?, ?, ?)",
        id,
        owner,
        sha256,
      );
    }
  }

  /** Deletes at most `limit` that were made before a time. Returns how many rows it deleted. */
  deleteBefore(at: number, limit: number): number {
    return this.#db.run(
      `DELETE FROM plans WHERE id IN (
         SELECT id FROM plans WHERE created_at < ? ORDER BY id LIMIT ?)`,
      Math.trunc(at),
      limit,
    ).changes;
  }
}
