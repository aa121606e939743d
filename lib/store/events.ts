import type { Database, Row } from "./database.ts";
import type {
  EventRange,
  EventRecord,
  EventsAbout,
  NewEvent,
} from "./records.ts";
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

/** Table of events, in order. */
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

  /** Events of a range, oldest first. */
  range(range: EventRange): EventRecord[] {
    const rows = "tail" in range
      ? this.#newest(range.tail)
      : "commandId" in range
      ? this.#about(range)
      : this.#db.all(
        `SELECT ${shape.list} FROM events WHERE id > ? ORDER BY id LIMIT ?`,
        range.afterId,
        range.limit,
      );
    return rows.map((row) => shape.record(row));
  }

  #newest(count: number): Row[] {
    return this.#db.all(
      `SELECT ${shape.list} FROM events ORDER BY id DESC LIMIT ?`,
      count,
    ).reverse();
  }

  #about({ commandId, agent, kinds, from, to, limit }: EventsAbout): Row[] {
    return this.#db.all(
      `SELECT ${shape.list} FROM events WHERE command_id = ?
       UNION ALL
       SELECT ${shape.list} FROM events INDEXED BY events_by_agent
         WHERE command_id IS NULL AND agent = ? AND at BETWEEN ? AND ?
           AND kind IN (SELECT value FROM json_each(?))
       ORDER BY id DESC LIMIT ?`,
      commandId,
      agent,
      Math.trunc(from),
      Math.trunc(to),
      JSON.stringify(kinds),
      limit,
    ).reverse();
  }

  /** Deletes at most `limit` old events. Returns how many it deleted. */
  deleteBefore(at: number, limit: number): number {
    return this.#db.run(
      "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)",
      Math.trunc(at),
      limit,
    ).changes;
  }
}
