import type { BlobName } from "../base/blob.ts";
import { PLAN_LIFE_MS } from "../base/plan_name.ts";
import { OPEN_STATES } from "../base/command_state.ts";
import type { Database } from "./database.ts";
import type { BlobUse } from "./records.ts";
import { stateList } from "./state_list.ts";

const OPEN = stateList(OPEN_STATES);

/** Tables of the blobs that commands and jobs name. A row goes with its command or job. */
export class BlobRefs {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(commandId: bigint, blobs: readonly BlobName[]): void {
    this.#insert("blob_refs (sha256, command_id, is_tree)", commandId, blobs);
  }

  addToJob(jobId: bigint, blobs: readonly BlobName[]): void {
    this.#insert("job_blobs (sha256, job_id, is_tree)", jobId, blobs);
  }

  #insert(into: string, id: bigint, blobs: readonly BlobName[]): void {
    for (const { sha256, isTree } of blobs) {
      this.#db.run(
        `INSERT OR IGNORE INTO ${into} VALUES (?, ?, ?)`,
        sha256,
        id,
        isTree ? 1 : 0,
      );
    }
  }

  /** All blobs that commands, jobs and plans name, each with the end of the last of them. */
  uses(): BlobUse[] {
    return this.#db.all(
      `SELECT sha256, max(is_tree) AS is_tree, max(is_open) AS is_open, max(ended_at) AS ended_at FROM (
         SELECT sha256, is_tree, state IN ${OPEN} AS is_open, coalesce(finished_at, created_at) AS ended_at
           FROM blob_refs JOIN commands ON commands.id = blob_refs.command_id
         UNION ALL
         SELECT sha256, is_tree, finished_at IS NULL AS is_open, coalesce(finished_at, created_at) AS ended_at
           FROM job_blobs JOIN jobs ON jobs.id = job_blobs.job_id
         UNION ALL
         SELECT sha256, 0, 0, coalesce(withdrawn_at, created_at + ${PLAN_LIFE_MS}) AS ended_at
           FROM plan_blobs JOIN plans ON plans.id = plan_blobs.plan_id
       )
       GROUP BY sha256`,
    ).map((row) => ({
      sha256: row["sha256"] as string,
      isTree: row["is_tree"] === 1n,
      endedAt: row["is_open"] === 1n ? null : Number(row["ended_at"]),
    }));
  }
}
