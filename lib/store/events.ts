import type { Database } from "./database.ts";
import type { EventRecord, EventsAbout, NewEvent } from "./records.ts";
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
