import type { Database } from "./database.ts";
import { jsonRows } from "./json_rows.ts";

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

  /** Notes ids of many agents. */
  noteAll(sent: readonly (readonly [agent: string, id: bigint])[]): void {
    const rows = sent.length > 1 ? jsonRows(sent) : undefined;
    if (rows === undefined) {
      for (const [agent, id] of sent) this.note(agent, id);
      return;
    }
    this.#db.run(
      `INSERT INTO sent_ids (agent, last_id)
         SELECT value ->> 0, CAST(value ->> 1 AS INTEGER) FROM json_each(?) WHERE true
         ON CONFLICT (agent) DO UPDATE SET last_id = max(last_id, excluded.last_id)`,
      rows,
    );
  }

  /** Notes that a command was sent to its agent. */
  noteCommand(id: bigint): void {
    const row = this.#db.get("SELECT agent FROM commands WHERE id = ?", id);
    if (row !== undefined) this.note(row["agent"] as string, id);
  }

  /** Forgets an agent that was removed. */
  forget(agent: string): void {
    this.#db.run("DELETE FROM sent_ids WHERE agent = ?", agent);
  }
}
