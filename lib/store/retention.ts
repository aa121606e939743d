import { codeOf } from "../base/errors.ts";
import type { AgentCommands } from "./agent_commands.ts";
import type { Approvals } from "./approvals.ts";
import type { Plans } from "./plans.ts";
import type { Database } from "./database.ts";
import type { Events } from "./events.ts";
import type { Jobs } from "./jobs.ts";
import type { LargeOutput } from "./large_output.ts";
import type { Requests } from "./requests.ts";
import type { Meta } from "./meta.ts";
import type { Output } from "./output.ts";
import type { Tombstones } from "./tombstones.ts";
import type { Writer } from "./writer.ts";

/** Most that one write deletes, so that no other write waits long behind it. */
const SLICE = { rows: 200, bytes: 4 * 1_048_576 };

/** Pages that one write gives back to the system: each may have to be moved first. */
const VACUUM_PAGES = 256;

/** Free pages that the file keeps for later writes. */
const SPARE_PAGES = 1_024;

/** Amounts that have been deleted. */
export interface Pruned {
  readonly commands: number;
  readonly events: number;
  readonly outputBytes: bigint;
}

/** Amounts that one write deleted. */
interface Slice {
  readonly commands: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Tables that retention deletes from. */
export interface PrunedTables {
  readonly db: Database;
  readonly meta: Meta;
  readonly agentCommands: AgentCommands;
  readonly approvals: Approvals;
  readonly plans: Plans;
  readonly jobs: Jobs;
  readonly requests: Requests;
  readonly large: LargeOutput;
  readonly output: Output;
  readonly events: Events;
  readonly tombstones: Tombstones;
}

/** Deletes old records in slices, with other writes between them. */
export class Retention {
  readonly #tables: PrunedTables;
  readonly #writer: Writer;

  constructor(tables: PrunedTables, writer: Writer) {
    this.#tables = tables;
    this.#writer = writer;
  }

  async prune(
    keep: { before: number; outputBytes: bigint },
  ): Promise<Pruned> {
    const before = Math.trunc(keep.before);
    const { requests, jobs, approvals, plans, events, tombstones } =
      this.#tables;
    const old = await this.#untilNone(() => this.#deleteOldCommands(before));
    const over = await this.#outputDownTo(keep.outputBytes);
    const deletedEvents = await this.#untilNone(() => ({
      rows: events.deleteBefore(before, SLICE.rows),
    }));
    await this.#untilNone(() => ({
      rows: requests.deleteBefore(before, SLICE.rows),
    }));
    await this.#untilNone(() => ({
      rows: jobs.deleteBefore(before, SLICE.rows),
    }));
    await this.#untilNone(() => ({
      rows: approvals.deleteBefore(before, SLICE.rows),
    }));
    await this.#untilNone(() => ({
      rows: plans.deleteBefore(before, SLICE.rows),
    }));
    await this.#untilNone(() => ({
      rows: tombstones.deleteBefore(before, SLICE.rows),
    }));
    await this.#removeSpentSegments();
    await this.#untilNone(() => ({ rows: this.#givePagesBack() }));
    await this.#emptyThinSegments();
    return {
      commands: old.commands,
      events: deletedEvents.rows,
      outputBytes: BigInt(old.bytes + over),
    };
  }

  /** Deletes old commands, oldest first, each with its output. A command with much output takes several slices. */
  #deleteOldCommands(before: number): Slice {
    const { db, meta, agentCommands } = this.#tables;
    const ids = db.all(
      "SELECT id FROM commands WHERE finished_at < ? ORDER BY finished_at LIMIT ?",
      before,
      SLICE.rows,
    );
    const slice = { commands: 0, rows: 0, bytes: 0 };
    for (const { id = null } of ids) {
      if (!this.#empty(id as bigint, slice)) break;
      agentCommands.forget(id as bigint);
      db.run("DELETE FROM commands WHERE id = ?", id);
      slice.commands += 1;
      slice.rows += 1;
    }
    meta.count({ commands: -slice.commands });
    if (slice.commands > 0) meta.noteDeletedBefore(before);
    return slice;
  }

  async #outputDownTo(limit: bigint): Promise<number> {
    let bytes = 0;
    // Finish a command that has been started: the rest of its output is of no use.
    let begun: bigint | undefined;
    for (;;) {
      const slice = await this.#writer.write(() =>
        this.#deleteOutput(limit, begun)
      );
      if (slice.rows === 0) return bytes;
      bytes += slice.bytes;
      begun = slice.begun;
    }
  }

  #deleteOutput(
    limit: bigint,
    first: bigint | undefined,
  ): { rows: number; bytes: number; begun: bigint | undefined } {
    const slice = { rows: 0, bytes: 0 };
    let begun = first;
    while (slice.rows < SLICE.rows && slice.bytes < SLICE.bytes) {
      begun ??= this.#oldestAbove(limit);
      if (begun === undefined) break;
      if (this.#empty(begun, slice)) begun = undefined;
    }
    return { ...slice, begun };
  }

  /** The ended command whose output goes next, as long as the total is above the limit. */
  #oldestAbove(limit: bigint): bigint | undefined {
    const { db, meta } = this.#tables;
    if (meta.totals().outputBytes <= limit) return undefined;
    const row = db.get(
      `SELECT id FROM commands WHERE finished_at IS NOT NULL AND output_kept > 0
       ORDER BY finished_at LIMIT 1`,
    );
    return row?.["id"] as bigint | undefined;
  }

  /** Deletes a command's output as far as the slice allows. Returns true once all of it is gone. */
  #empty(id: bigint, slice: { rows: number; bytes: number }): boolean {
    const most = {
      rows: SLICE.rows - slice.rows,
      bytes: SLICE.bytes - slice.bytes,
    };
    if (most.rows <= 0 || most.bytes <= 0) return false;
    const deleted = this.#tables.output.deleteSome(id, most);
    slice.rows += deleted.rows;
    slice.bytes += deleted.bytes;
    return deleted.rows < most.rows && deleted.bytes < most.bytes;
  }

  #removeSpentSegments(): Promise<void> {
    const { large } = this.#tables;
    return this.#writer.read(() => large.removeSpent());
  }

  /** Removes the segments of which most is of no use: what is still of use is moved before. */
  async #emptyThinSegments(): Promise<void> {
    const { large } = this.#tables;
    const thin = await this.#writer.read(() => large.thin());
    for (const segment of thin) {
      try {
        await this.#untilNone(() => ({ rows: large.moveFrom(segment) }));
      } catch (error) {
        // A damaged file stays until the last output in it is old.
        if (codeOf(error) !== "CORRUPT") throw error;
      }
    }
    if (thin.length > 0) await this.#removeSpentSegments();
  }

  #givePagesBack(): number {
    const { db } = this.#tables;
    const free = freePages(db);
    if (free <= SPARE_PAGES) return 0;
    const pages = Math.min(free - SPARE_PAGES, VACUUM_PAGES);
    db.all(`PRAGMA incremental_vacuum(${pages})`);
    // A file that cannot shrink, as in a database that another program made, must not be tried for ever.
    return free - freePages(db);
  }

  /** Repeats a slice until it deletes nothing. The slice must change nothing but the database. */
  async #untilNone(slice: () => Partial<Slice>): Promise<Slice> {
    const total = { commands: 0, rows: 0, bytes: 0 };
    for (;;) {
      const { commands = 0, rows = 0, bytes = 0 } = await this.#writer.write(
        slice,
      );
      if (rows === 0) return total;
      total.commands += commands;
      total.rows += rows;
      total.bytes += bytes;
    }
  }
}

function freePages(db: Database): number {
  return Number(db.get("PRAGMA freelist_count")?.["freelist_count"]);
}
