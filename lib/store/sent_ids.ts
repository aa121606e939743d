import type { Database } from "./database.ts";

/** Highest id of a command that was ever recorded as sent to each agent, or that the agent named as its last. */
export class SentIds {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Highest id recorded as sent to an agent; 0 for none. */
  of(agent: string): bigint {
    const row = this.#db.get(
      "SELECT last_id FROM sent_ids WHERE agent = ?",
      agent,
    );
    return (row?.["last_id"] ?? 0n) as bigint;
  }

  note(agent: string, id: bigint): void {
    this.#db.run(
      `INSERT INTO sent_ids (agent, last_id) VALUES (?, ?)
         ON CONFLICT (agent) DO UPDATE SET last_id = max(last_id, excluded.last_id)`,
      agent,
      id,
    );
  }

  /** Notes that commands were sent to their agents. */
  noteCommands(ids: readonly bigint[]): void {
    if (ids.length === 0) return;
    this.#db.run(
      `INSERT INTO sent_ids (agent, last_id)
         SELECT agent, max(id) FROM commands
           WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?)) GROUP BY agent
         ON CONFLICT (agent) DO UPDATE SET last_id = max(last_id, excluded.last_id)`,
      JSON.stringify(ids.map(String)),
    );
  }

  /** Forgets an agent that was removed. */
  forget(agent: string): void {
    this.#db.run("DELETE FROM sent_ids WHERE agent = ?", agent);
  }
}
