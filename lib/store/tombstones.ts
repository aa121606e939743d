import type { Database } from "./database.ts";

/** Most tombstones that are kept. The oldest go first. */
export const MAX_TOMBSTONES = 10_000;

/** Table of removed agents, each with the hash of the secret that it had. */
export class Tombstones {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Keeps a tombstone, and deletes the oldest of too many. */
  add(agent: string, secretHash: Uint8Array, at: number): void {
    this.#db.run(
      "INSERT OR REPLACE INTO tombstones (agent, secret_hash, removed_at) VALUES (?, ?, ?)",
      agent,
      secretHash,
      Math.trunc(at),
    );
    this.#db.run(
      "DELETE FROM tombstones WHERE id <= (SELECT max(id) FROM tombstones) - ?",
      MAX_TOMBSTONES,
    );
  }

  /** Time at which an agent with this secret was removed; undefined for none. */
  find(agent: string, secretHash: Uint8Array): number | undefined {
    const row = this.#db.get(
      "SELECT removed_at FROM tombstones WHERE agent = ? AND secret_hash = ?",
      agent,
      secretHash,
    );
    return row === undefined ? undefined : Number(row["removed_at"]);
  }

  /** Deletes at most `limit` old tombstones. Returns how many it deleted. */
  deleteBefore(at: number, limit: number): number {
    return this.#db.run(
      "DELETE FROM tombstones WHERE id IN (SELECT id FROM tombstones WHERE removed_at < ? ORDER BY removed_at LIMIT ?)",
      Math.trunc(at),
      limit,
    ).changes;
  }
}
