import { approvalName } from "../base/approval_name.ts";
import { PiriError } from "../base/errors.ts";
import type {
  ApprovalChange,
  ApprovalFilter,
  ApprovalRecord,
  ApprovalStart,
  NewApproval,
} from "./approval_records.ts";
import type { Database } from "./database.ts";
import { type Condition, newestRows } from "./newest_rows.ts";
import { big, blob, int, json, nullable, Shape, text, word } from "./shape.ts";

const shape = new Shape<ApprovalRecord>({
  id: big,
  requestId: text,
  state: word(),
  reason: text,
  needed: int,
  votes: json(),
  statement: text,
  hash: blob,
  agents: json(),
  request: json(),
  signed: nullable(json()),
  requestedBy: text,
  saidBy: text,
  credential: text,
  origin: text,
  tokenId: nullable(int),
  createdAt: int,
  expiresAt: int,
  endedAt: nullable(int),
  endedBy: text,
  jobId: nullable(big),
});

const NEW_FIELDS = [
  "requestId",
  "needed",
  "statement",
  "hash",
  "agents",
  "request",
  "signed",
  "requestedBy",
  "saidBy",
  "credential",
  "origin",
  "tokenId",
  "createdAt",
  "expiresAt",
] as const;

const SELECT = `SELECT ${shape.list} FROM approvals`;

const HIGHEST_ID = 2n ** 63n - 1n;

/** Table of jobs that wait for approvals, and of what has become of them. */
export class Approvals {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Adds one. For a request that was asked before, returns what is there. */
  add(approval: NewApproval): { record: ApprovalRecord; repeated: boolean } {
    const [earlier] = this.list({ limit: 1, requestId: approval.requestId });
    if (earlier !== undefined) return { record: earlier, repeated: true };
    const { id } = this.#db.run(
      `INSERT INTO approvals (${shape.names(NEW_FIELDS).join(", ")})
         VALUES (${NEW_FIELDS.map(() => "?").join(", ")})`,
      ...shape.cells(approval, NEW_FIELDS),
    );
    return { record: this.#require("add", id), repeated: false };
  }

  get(id: bigint): ApprovalRecord | undefined {
    const row = this.#db.get(`${SELECT} WHERE id = ?`, id);
    return row && shape.record(row);
  }

  /** Approvals of a filter, newest first. */
  list(
    {
      limit,
      beforeId = HIGHEST_ID,
      waiting = false,
      jobId,
      requestId,
      onlyAgents,
    }: ApprovalFilter,
  ): ApprovalRecord[] {
    const conditions: Condition[] = [
      ["id < ?", beforeId],
      ...waiting ? [["state = 'waiting'"] as const] : [],
    ];
    if (jobId !== undefined) conditions.push(["job_id = ?", jobId]);
    if (requestId !== undefined) conditions.push(["request_id = ?", requestId]);
    if (onlyAgents !== undefined) {
      conditions.push([
        `NOT EXISTS (SELECT 1 FROM json_each(agents) a
           WHERE a.value NOT IN (SELECT value FROM json_each(?)))`,
        JSON.stringify(onlyAgents),
      ]);
    }
    return newestRows(this.#db, SELECT, { conditions, limit })
      .map((row) => shape.record(row));
  }

  /** @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION for one that has ended */
  change(id: bigint, change: ApprovalChange): ApprovalRecord {
    if (change.kind === "vote") {
      const { kind: _, ...changes } = change;
      return this.#update("approve", id, changes);
    }
    const { state, reason, at, by } = change;
    const ended = { state, reason, endedAt: at, endedBy: by };
    return this.#update("end", id, ended);
  }

  /** Records the last approval and the job that it has started. Throws as `change`. */
  start(
    { id, votes, needed, signed, at }: ApprovalStart,
    jobId: bigint,
  ): ApprovalRecord {
    const endedBy = votes.at(-1)?.by ?? "";
    const state = "started" as const;
    const started = { state, votes, needed, signed, endedBy, jobId };
    return this.#update("start", id, { ...started, endedAt: at });
  }

  /** Deletes at most `limit` that ended before a time. Returns how many rows it deleted. */
  deleteBefore(at: number, limit: number): number {
    return this.#db.run(
      `DELETE FROM approvals WHERE id IN (
         SELECT id FROM approvals WHERE ended_at < ? ORDER BY id LIMIT ?)`,
      Math.trunc(at),
      limit,
    ).changes;
  }

  #update(
    attempt: string,
    id: bigint,
    changes: Partial<ApprovalRecord>,
  ): ApprovalRecord {
    const fields = Object.keys(changes) as (keyof ApprovalRecord)[];
    const { changes: count } = this.#db.run(
      `UPDATE approvals SET ${
        shape.names(fields).map((name) => `${name} = ?`).join(", ")
      } WHERE id = ? AND state = 'waiting'`,
      ...shape.cells(changes as ApprovalRecord, fields),
      id,
    );
    const record = this.#require(attempt, id);
    if (count > 0) return record;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot ${attempt} ${approvalName(id)}: it is ${record.state}`,
    );
  }

  #require(attempt: string, id: bigint): ApprovalRecord {
    const record = this.get(id);
    if (record !== undefined) return record;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot ${attempt} ${approvalName(id)}: there is no such approval`,
    );
  }
}
