import type { Database } from "./database.ts";

/** Record of one request: it started commands with consecutive ids. */
export interface RequestRecord {
  readonly requestId: string;
  readonly job: string;
  readonly firstId: bigint;
  readonly lastId: bigint;
  readonly createdAt: number;
}

/** Table of requests, so that a repeated request starts nothing twice. */
export class Requests {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(
    requestId: string,
  ): Pick<RequestRecord, "job" | "firstId" | "lastId"> | undefined {
    const row = this.#db.get(
      "SELECT job, first_id, last_id FROM requests WHERE request_id = ?",
      requestId,
    );
    return row && {
      job: row["job"] as string,
      firstId: row["first_id"] as bigint,
      lastId: row["last_id"] as bigint,
    };
  }

  add({ requestId, job, firstId, lastId, createdAt }: RequestRecord): void {
    this.#db.run(
      "INSERT INTO requests (request_id, job, first_id, last_id, created_at) VALUES (?, ?, ?, ?, ?)",
      requestId,
      job,
      firstId,
      lastId,
      Math.trunc(createdAt),
    );
  }

  /** Deletes at most `limit` old requests. Returns how many it deleted. */
  deleteBefore(at: number, limit: number): number {
    return this.#db.run(
      `DELETE FROM requests WHERE rowid IN
         (SELECT rowid FROM requests WHERE created_at < ? ORDER BY created_at LIMIT ?)`,
      Math.trunc(at),
      limit,
    ).changes;
  }
}
