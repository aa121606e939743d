import { encodeHex } from "@std/encoding/hex";
import type { Random } from "../base/random.ts";
import type { AuditMark } from "./audit_records.ts";
import type { Database } from "./database.ts";

const MANAGER_ID_BYTES = 16;

/** Single row of facts about the database: its id and running totals. */
export class Meta {
  readonly managerId: string;
  readonly #db: Database;

  /** Reads the row, or creates it in a new database. */
  constructor(db: Database, made: { random: Random; at: number }) {
    this.#db = db;
    const kept = db.get("SELECT manager_id FROM meta")?.["manager_id"];
    if (typeof kept === "string") {
      this.managerId = kept;
    } else {
      this.managerId = encodeHex(made.random.bytes(MANAGER_ID_BYTES));
      db.run(
        "INSERT INTO meta (id, manager_id, created_at) VALUES (1, ?, ?)",
        this.managerId,
        Math.trunc(made.at),
      );
    }
  }

  /** Adds to the totals; negative numbers subtract. Call it in the same write as the change itself. */
  count({ commands = 0, outputBytes = 0 }: {
    commands?: number;
    outputBytes?: number;
  }): void {
    if (commands === 0 && outputBytes === 0) return;
    this.#db.run(
      "UPDATE meta SET commands_total = commands_total + ?, output_bytes = output_bytes + ?",
      commands,
      outputBytes,
    );
  }

  totals(): { commands: bigint; outputBytes: bigint } {
    const row = this.#db.get("SELECT commands_total, output_bytes FROM meta");
    return {
      commands: row?.["commands_total"] as bigint,
      outputBytes: row?.["output_bytes"] as bigint,
    };
  }

  /** End of the audit; undefined while there is no entry. */
  auditEnd(): AuditMark | undefined {
    const row = this.#db.get("SELECT audit_last_id, audit_head FROM meta");
    const hash = row?.["audit_head"] ?? null;
    return hash === null ? undefined : {
      id: row?.["audit_last_id"] as bigint,
      hash: hash as Uint8Array,
    };
  }

  /** Notes the end of the audit. */
  noteAuditEnd({ id, hash }: AuditMark): void {
    this.#db.run("UPDATE meta SET audit_last_id = ?, audit_head = ?", id, hash);
  }

  /** Notes that commands which ended before a time are deleted. The time never goes back. */
  noteDeletedBefore(at: number): void {
    this.#db.run(
      "UPDATE meta SET commands_deleted_before = max(commands_deleted_before, ?)",
      Math.trunc(at),
    );
  }

  /** Time before which commands that have ended may have been deleted. */
  deletedBefore(): number {
    const row = this.#db.get("SELECT commands_deleted_before FROM meta");
    return Number(row?.["commands_deleted_before"] ?? 0);
  }

  /** Notes when the Manager began to stop; null once another one runs. */
  noteStopping(at: number | null): void {
    this.#db.run(
      "UPDATE meta SET stopping_at = ?",
      at === null ? null : Math.trunc(at),
    );
  }

  /** Time at which the last Manager began to stop; null if it was not told. */
  stoppingAt(): number | null {
    const at = this.#db.get("SELECT stopping_at FROM meta")?.["stopping_at"] ??
      null;
    return at === null ? null : Number(at);
  }
}
