import { noCounts } from "../base/job_counts.ts";
import { OPEN_JOB_STATES } from "../base/job_state.ts";
import { PiriError } from "../base/errors.ts";
import type { Database } from "./database.ts";
import { jobShape as shape, NEW_JOB_FIELDS } from "./job_shape.ts";
import { type Condition, newestRows } from "./newest_rows.ts";
import { placeholders, stateList } from "./state_list.ts";
import type { JobFilter, JobPatch, JobRecord, NewJob } from "./job_records.ts";

const SELECT = `SELECT ${shape.list} FROM jobs`;

const INSERT = `INSERT INTO jobs (${shape.names(NEW_JOB_FIELDS).join(", ")})
  VALUES (${NEW_JOB_FIELDS.map(() => "?").join(", ")})`;

/** Ids of the jobs that have not ended, as a query. */
export const OPEN_JOB_IDS =
  `SELECT id FROM jobs INDEXED BY jobs_open WHERE state IN ${
    stateList(OPEN_JOB_STATES)
  }`;

const HIGHEST_ID = 2n ** 63n - 1n;

/** Table of jobs. */
export class Jobs {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Adds a job that runs, and returns it. */
  add(job: NewJob, total: number): JobRecord {
    const made = {
      ...job,
      state: "running",
      total,
      counts: { ...noCounts(total), waiting: total },
    } as const;
    const { id } = this.#db.run(INSERT, ...shape.cells(made, NEW_JOB_FIELDS));
    return this.require("make", id);
  }

  get(id: bigint): JobRecord | undefined {
    const row = this.#db.get(`${SELECT} WHERE id = ?`, id);
    return row && shape.record(row);
  }

  /** @throws {PiriError} NOT_FOUND */
  require(attempt: string, id: bigint): JobRecord {
    const job = this.get(id);
    if (job !== undefined) return job;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot ${attempt} job j-${id}: there is no such job`,
    );
  }

  /** Job that an earlier request of this id made. */
  ofRequest(requestId: string): JobRecord | undefined {
    const row = this.#db.get(`${SELECT} WHERE request_id = ?`, requestId);
    return row && shape.record(row);
  }

  /** Jobs that have not ended, by id. */
  open(): JobRecord[] {
    return this.#db.all(`${SELECT} WHERE id IN (${OPEN_JOB_IDS}) ORDER BY id`)
      .map((row) => shape.record(row));
  }

  countOpen(): number {
    const row = this.#db.get(`SELECT count(*) AS n FROM (${OPEN_JOB_IDS})`);
    return Number(row?.["n"]);
  }

  /** Jobs of a filter, newest first. */
  list(
    filter: JobFilter,
  ): JobRecord[] {
    const { limit, beforeId = HIGHEST_ID, states, onlyAgents } = filter;
    const { text = "", agent = "" } = filter;
    const conditions: Condition[] = [
      ["id < ?", beforeId],
    ];
    if (states !== undefined) {
      conditions.push([
        `state IN (${placeholders(states)})`,
        ...states,
      ]);
    }
    if (text !== "") {
      conditions.push([
        "(instr(lower(name), lower(?)) > 0 OR instr(lower(note), lower(?)) > 0)",
        text,
        text,
      ]);
    }
    if (agent !== "") {
      conditions.push([
        "id IN (SELECT job_id FROM entries WHERE agent = ?)",
        agent,
      ]);
    }
    if (onlyAgents !== undefined) {
      conditions.push([
        `NOT EXISTS (SELECT 1 FROM entries e WHERE e.job_id = jobs.id
           AND e.agent NOT IN (SELECT value FROM json_each(?)))`,
        JSON.stringify(onlyAgents),
      ]);
    }
    return newestRows(this.#db, SELECT, { conditions, limit })
      .map((row) => shape.record(row));
  }

  /** @throws {PiriError} NOT_FOUND */
  patch({ id, ...changes }: JobPatch): void {
    const fields = (Object.keys(changes) as (keyof typeof changes)[])
      .filter((field) => changes[field] !== undefined);
    if (fields.length === 0) return;
    const { changes: count } = this.#db.run(
      `UPDATE jobs SET ${
        shape.names(fields).map((name) => `${name} = ?`).join(", ")
      } WHERE id = ?`,
      ...shape.cells(changes as JobRecord, fields),
      id,
    );
    if (count === 0) this.require("change", id);
  }

  /** Highest id ever given. */
  lastId(): bigint {
    const row = this.#db.get(
      "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'",
    );
    return (row?.["seq"] ?? 0n) as bigint;
  }

  /**
   * Deletes at most `limit` entries of jobs that ended before a time and whose commands are all gone, and the jobs without
   * entries. Returns how many rows it deleted.
   */
  deleteBefore(at: number, limit: number): number {
    const old = this.#db.all(
      `SELECT id FROM jobs WHERE finished_at < ? AND NOT EXISTS (
         SELECT 1 FROM entries e JOIN commands c ON c.id = e.command_id WHERE e.job_id = jobs.id
       ) ORDER BY finished_at LIMIT ?`,
      Math.trunc(at),
      limit,
    );
    let rows = 0;
    for (const { id = null } of old) {
      rows += this.#db.run(
        `DELETE FROM entries WHERE job_id = ? AND position IN
           (SELECT position FROM entries WHERE job_id = ? LIMIT ?)`,
        id,
        id,
        limit - rows,
      ).changes;
      if (rows >= limit) return rows;
      rows += this.#db.run("DELETE FROM jobs WHERE id = ?", id).changes;
    }
    return rows;
  }
}
