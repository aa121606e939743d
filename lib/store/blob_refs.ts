import type { BlobName } from "../base/blob.ts";
import { OPEN_STATES } from "../base/command_state.ts";
import type { Database } from "./database.ts";
import type { BlobUse } from "./records.ts";

const OPEN = OPEN_STATES.map((state) => `'${state}'`).join(", ");

/** Table of the blobs that commands name. A row goes with its command. */
export class BlobRefs {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(commandId: bigint, blobs: readonly BlobName[]): void {
    for (const { sha256, isTree } of blobs) {
      this.#db.run(
        "INSERT OR IGNORE INTO blob_refs (sha256, command_id, is_tree) VALUES (?, ?, ?)",
        sha256,
        commandId,
        isTree ? 1 : 0,
      );
    }
  }

  /** All blobs that commands name, each with the end of the last of them. */
  uses(): BlobUse[] {
    return this.#db.all(
      `SELECT sha256, max(is_tree) AS is_tree, max(state IN (${OPEN})) AS is_open, max(coalesce(finished_at, created_at)) AS ended_at
       FROM blob_refs JOIN commands ON commands.id = blob_refs.command_id
       GROUP BY sha256`,
    ).map((row) => ({
      sha256: row["sha256"] as string,
      isTree: row["is_tree"] === 1n,
      endedAt: row["is_open"] === 1n ? null : Number(row["ended_at"]),
    }));
  }
}
