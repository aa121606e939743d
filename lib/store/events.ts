import type { Database } from "./database.ts";
import type { EventRecord, NewEvent } from "./records.ts";
import { big, int, nullable, Shape, text } from "./shape.ts";

const shape = new Shape<EventRecord>({
  id: big,
  at: int,
  kind: text,
  agent: nullable(text),
  commandId: nullable(big),
  message: text,
});

const FIELDS = [
  "at",
  "kind",
  "agent",
  "commandId",
  "message",
] as const satisfies (keyof NewEvent)[];

/** What happened, in order. */
export class Events {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(event: NewEvent): EventRecord {
    const { id } = this.#db.run(
      "INSERT INTO events (at, kind, agent, command_id, message) VALUES (?, ?, ?, ?, ?)",
      ...shape.cells(event, FIELDS),
    );
    return { id, ...shape.kept(event, FIELDS) };
  }

  /** Oldest first. */
  range(
    range: { tail: number } | { afterId: bigint; limit: number },
  ): EventRecord[] {
    const rows = "tail" in range
      ? this.#db.all(
        `SELECT ${shape.list} FROM events ORDER BY id DESC LIMIT ?`,
        range.tail,
      ).reverse()
      : this.#db.all(
        `SELECT ${shape.list} FROM events WHERE id > ? ORDER BY id LIMIT ?`,
        range.afterId,
        range.limit,
      );
    return rows.map((row) => shape.record(row));
  }

  /** Returns how many it deleted, `limit` at most. */
  deleteBefore(at: number, limit: number): number {
    return this.#db.run(
      "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)",
      Math.trunc(at),
      limit,
    ).changes;
  }
}
