import type { Checkpoint } from "../base/checkpoint.ts";
import type { CheckpointRecord } from "./audit_records.ts";
import type { Database } from "./database.ts";
import { big, blob, int, Shape } from "./shape.ts";

/** Most checkpoints of one read. */
const PAGE = 1_000;

const FIELDS = ["count", "hash", "at", "key", "signature"] as const;

const shape = new Shape<CheckpointRecord>({
  id: big,
  count: big,
  hash: blob,
  at: int,
  key: blob,
  signature: blob,
});

const LIST = FIELDS.join(", ");

/** Tables of what is signed of the audit: its checkpoints, and the stub of what was pruned. */
export class Checkpoints {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(checkpoint: Checkpoint): void {
    this.#db.run(
      `INSERT INTO audit_checkpoints (${LIST}) VALUES (?, ?, ?, ?, ?)`,
      ...shape.cells(checkpoint, FIELDS),
    );
  }

  newest(): Checkpoint | undefined {
    return this.#first(
      `SELECT ${LIST} FROM audit_checkpoints ORDER BY id DESC LIMIT 1`,
    );
  }

  /** Reads on in the order in which they were made. */
  page(afterId: bigint): CheckpointRecord[] {
    return this.#db.all(
      `SELECT ${shape.list} FROM audit_checkpoints WHERE id > ? ORDER BY id LIMIT ?`,
      afterId,
      PAGE,
    ).map((row) => shape.record(row));
  }

  stub(): Checkpoint | undefined {
    return this.#first(`SELECT ${LIST} FROM audit_stub`);
  }

  /** Puts a stub in the place of the one before, and deletes the checkpoints of what it stands for. */
  setStub(stub: Checkpoint): void {
    this.#db.run("DELETE FROM audit_stub");
    this.#db.run(
      `INSERT INTO audit_stub (id, ${LIST}) VALUES (1, ?, ?, ?, ?, ?)`,
      ...shape.cells(stub, FIELDS),
    );
    this.#db.run("DELETE FROM audit_checkpoints WHERE count < ?", stub.count);
  }

  #first(sql: string): Checkpoint | undefined {
    const row = this.#db.get(sql);
    return row === undefined ? undefined : shape.part(row, FIELDS);
  }
}
