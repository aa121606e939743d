import type { Database } from "./database.ts";
import type { EventRecord, EventsAbout, NewEvent } from "./records.ts";
import { jsonRows } from "./json_rows.ts";
import { big, int, nullable, Shape, text } from "./shape.ts";

/** Columns of an event. */
export const eventShape = new Shape<EventRecord>({
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

/** Adds events out of `jsonRows`. Each gets the id after the one before it. */
const ADD_TOGETHER = `INSERT INTO events (${
  eventShape.names(FIELDS).join(", ")
})
  SELECT ${
  eventShape.fromJson(FIELDS, 0).join(", ")
} FROM json_each(?) ORDER BY key`;

/** Table of events, in order. */
export class Events {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(event: NewEvent): EventRecord {
    const { id } = this.#db.run(
      "INSERT INTO events (at, kind, agent, command_id, message) VALUES (?, ?, ?, ?, ?)",
      ...eventShape.cells(event, FIELDS),
    );
    return { id, ...eventShape.kept(event, FIELDS) };
  }

  /** Adds several events, in their order, by one statement. */
  addTogether(events: readonly NewEvent[]): EventRecord[] {
    if (events.length === 0) return [];
    const rows = jsonRows(
      events.map((event) => eventShape.cells(event, FIELDS)),
    );
    if (rows === undefined) return events.map((event) => this.add(event));
    const { id: last } = this.#db.run(ADD_TOGETHER, rows);
    const first = last - BigInt(events.length) + 1n;
    return events.map((event, index) => ({
      id: first + BigInt(index),
      ...eventShape.kept(event, FIELDS),
    }));
  }

  reword(id: bigint, message: string): void {
    this.#db.run("UPDATE events SET message = ? WHERE id = ?", message, id);
  }

  /** Newest events about a command, oldest first. */
  about(
    { commandId, agent, kinds, from, to, limit }: EventsAbout,
  ): EventRecord[] {
    return this.#db.all(
      `SELECT ${eventShape.list} FROM events WHERE command_id = ?
       UNION ALL
       SELECT ${eventShape.list} FROM events INDEXED BY events_by_agent
         WHERE command_id IS NULL AND agent = ? AND at BETWEEN ? AND ?
           AND kind IN (SELECT value FROM json_each(?))
       ORDER BY id DESC LIMIT ?`,
      commandId,
      agent,
      Math.trunc(from),
      Math.trunc(to),
      JSON.stringify(kinds),
      limit,
    ).reverse().map((row) => eventShape.record(row));
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
