import type { Database } from "./database.ts";
import type {
  Delivery,
  DeliveryChange,
  NewDelivery,
  WebhookEvent,
} from "./delivery_records.ts";
import { big, int, Shape, text, word } from "./shape.ts";
import { placeholders } from "./state_list.ts";

const shape = new Shape<Delivery>({
  id: big,
  hook: text,
  event: word<WebhookEvent>(),
  subject: text,
  at: int,
  tries: int,
  nextAt: int,
});

const NEW_FIELDS = [
  "hook",
  "event",
  "subject",
  "at",
  "tries",
  "nextAt",
] as const;

const INSERT = `INSERT INTO deliveries (${shape.names(NEW_FIELDS).join(", ")})
  VALUES (${NEW_FIELDS.map(() => "?").join(", ")})`;

/** Tables of what webhooks have yet to tell, and of the absences of agents that they have told. */
export class Deliveries {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Events that are yet to be told, by id, and all webhooks about which anything is kept. */
  all(): { hooks: string[]; deliveries: Delivery[] } {
    return {
      hooks: this.#db.all(
        "SELECT hook FROM deliveries UNION SELECT hook FROM told_absences",
      ).map(({ hook }) => String(hook)),
      deliveries: this.#db.all(
        `SELECT ${shape.list} FROM deliveries ORDER BY id`,
      ).map((row) => shape.record(row)),
    };
  }

  change(change: DeliveryChange): Delivery[] {
    switch (change.kind) {
      case "keep":
        this.#keep(change.hooks);
        return [];
      case "add":
        return this.add(change.deliveries);
      case "retry":
        this.#db.run(
          "UPDATE deliveries SET tries = ?, next_at = ? WHERE id = ?",
          ...shape.cells(change, ["tries", "nextAt", "id"]),
        );
        return [];
      case "end":
        this.#db.run("DELETE FROM deliveries WHERE id = ?", change.id);
        return [];
    }
  }

  /** Adds all but absences that were told before, and returns what it added. */
  add(deliveries: readonly NewDelivery[]): Delivery[] {
    return deliveries.flatMap(({ connectedAt, ...delivery }) => {
      const { hook, subject } = delivery;
      if (
        connectedAt !== undefined && !this.#noteTold(hook, subject, connectedAt)
      ) return [];
      const made = { ...delivery, tries: 0, nextAt: delivery.at };
      const { id } = this.#db.run(INSERT, ...shape.cells(made, NEW_FIELDS));
      return [{ ...shape.kept(made, NEW_FIELDS), id }];
    });
  }

  /** Returns false if this absence was told before. */
  #noteTold(hook: string, agent: string, connectedAt: number): boolean {
    const { changes } = this.#db.run(
      `INSERT INTO told_absences (hook, agent, connected_at) VALUES (?, ?, ?)
         ON CONFLICT (hook, agent) DO UPDATE SET connected_at = excluded.connected_at
         WHERE connected_at <> excluded.connected_at`,
      hook,
      agent,
      int.encode(connectedAt),
    );
    return changes > 0;
  }

  #keep(hooks: readonly string[]): void {
    const others = `hook NOT IN (${placeholders(hooks)})`;
    this.#db.run(`DELETE FROM deliveries WHERE ${others}`, ...hooks);
    this.#db.run(`DELETE FROM told_absences WHERE ${others}`, ...hooks);
  }

  /** Forgets the absence of an agent that is removed. */
  forgetAgent(agent: string): void {
    this.#db.run("DELETE FROM told_absences WHERE agent = ?", agent);
  }
}
