import { PiriError } from "../base/errors.ts";
import { commandNotFound } from "./commands.ts";
import type { Database } from "./database.ts";
import { type LargeOutput, SIZE } from "./large_output.ts";
import type { Meta } from "./meta.ts";
import type { OutputPiece } from "./output_piece.ts";
import type {
  OutputFigures,
  OutputRange,
  StoredOutput,
  StreamName,
} from "./records.ts";

const HELD_COLUMN: Readonly<Record<StreamName, string>> = {
  stdout: "stdout_held",
  stderr: "stderr_held",
};

/** Bytes that one write drops, about, so that no other write waits long behind it. */
const DROP_BYTES = 4 * 1_048_576;

/** Table of programs' output, in pieces. */
export class Output {
  readonly #db: Database;
  readonly #meta: Meta;
  readonly #large: LargeOutput;

  constructor(db: Database, meta: Meta, large: LargeOutput) {
    this.#db = db;
    this.#meta = meta;
    this.#large = large;
  }

  /**
   * Stores or counts a piece, drops what it replaces, and updates the figures of its command.
   *
   * @throws {PiriError} NOT_FOUND
   *
   * @throws {TypeError} if bytes of the piece are held already: a reader would get them twice.
   */
  append(commandId: bigint, piece: OutputPiece): OutputFigures {
    const { stream, offset, bytes, cut, at, keep, drop } = piece;
    const before = this.#requireNext(commandId, piece);
    const end = offset + BigInt(bytes.length);
    const kept = keep ? bytes.length : 0;
    const dropped = drop === undefined
      ? 0
      // Twice what comes: what had to stay for a while is gone after a while.
      : this.#drop(commandId, { stream, ...drop }, 2 * kept);
    const isLossy = cut > 0n || kept < bytes.length || dropped > 0;
    this.#db.run(
      `UPDATE commands SET ${
        HELD_COLUMN[stream]
      } = ?, output_kept = output_kept + ?,
         truncated = truncated OR ? WHERE id = ?`,
      end,
      kept - dropped,
      isLossy ? 1 : 0,
      commandId,
    );
    if (keep && (kept > 0 || cut > 0n)) {
      const placed = this.#large.put(bytes as Uint8Array);
      this.#db.run(
        `INSERT INTO output (command_id, stream, end_offset, cut, at, bytes, segment, place, size)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        commandId,
        stream,
        end,
        cut,
        at === undefined ? null : Math.trunc(at),
        placed.bytes,
        placed.segment,
        placed.place,
        placed.size,
      );
    }
    this.#meta.count({ outputBytes: kept - dropped });
    return {
      outputKept: before.outputKept + BigInt(kept - dropped),
      truncated: before.truncated || isLossy,
    };
  }

  /** Drops part of a range, and returns the count of dropped bytes: 0 once nothing is left to drop. */
  drop(
    commandId: bigint,
    range: OutputRange & { stream: StreamName },
  ): number {
    const dropped = this.#drop(commandId, range, DROP_BYTES);
    if (dropped > 0) this.#noteDeleted(commandId, dropped);
    return dropped;
  }

  /** Pieces that end above the offset, at least one if there is any. */
  read(
    commandId: bigint,
    { stream, offset, limit }: {
      stream: StreamName;
      offset: bigint;
      limit: number;
    },
  ): StoredOutput[] {
    const pieces: StoredOutput[] = [];
    let size = 0;
    const rows = this.#db.each(
      `SELECT end_offset, cut, at, bytes, segment, place, size FROM output
       WHERE command_id = ? AND stream = ? AND end_offset > ? ORDER BY end_offset`,
      commandId,
      stream,
      offset,
    );
    for (const row of rows) {
      const bytes = this.#large.bytesOf(row);
      pieces.push({
        offset: (row["end_offset"] as bigint) - BigInt(bytes.length),
        bytes,
        cut: row["cut"] as bigint,
        ...row["at"] === null ? {} : { at: Number(row["at"]) },
      });
      size += bytes.length;
      if (size >= limit) break;
    }
    return pieces;
  }

  /** Deletes pieces of a command, at most a slice of them. Returns the deleted amounts; no rows once all are gone. */
  deleteSome(
    commandId: bigint,
    most: { rows: number; bytes: number },
  ): { rows: number; bytes: number } {
    const pieces = this.#db.all(
      `SELECT id, ${SIZE} AS size FROM output WHERE command_id = ? ORDER BY stream, end_offset LIMIT ?`,
      commandId,
      most.rows,
    );
    const deleted = { rows: 0, bytes: 0 };
    for (const { id = null, size = null } of pieces) {
      if (deleted.bytes >= most.bytes) break;
      this.#db.run("DELETE FROM output WHERE id = ?", id);
      deleted.rows += 1;
      deleted.bytes += Number(size);
    }
    if (deleted.rows > 0) this.#noteDeleted(commandId, deleted.bytes);
    return deleted;
  }

  #noteDeleted(commandId: bigint, bytes: number): void {
    this.#db.run(
      "UPDATE commands SET output_kept = output_kept - ?, truncated = 1 WHERE id = ?",
      bytes,
      commandId,
    );
    this.#meta.count({ outputBytes: -bytes });
  }

  /** Drops the oldest pieces of a range, about `most` bytes, and returns their bytes. The figures of the command stay. */
  #drop(
    commandId: bigint,
    { stream, from, below }: OutputRange & { stream: StreamName },
    most: number,
  ): number {
    const rows = this.#db.each(
      `SELECT end_offset, ${SIZE} AS size FROM output
       WHERE command_id = ? AND stream = ? AND end_offset > ? AND end_offset <= ? ORDER BY end_offset`,
      commandId,
      stream,
      from,
      below,
    );
    let dropped = 0n;
    let last: bigint | undefined;
    let isPart = false;
    for (const row of rows) {
      last = row["end_offset"] as bigint;
      const size = row["size"] as bigint;
      const beyond = last - from;
      isPart ||= size > beyond;
      dropped += size > beyond ? beyond : size;
      if (dropped >= most) break;
    }
    if (last === undefined) return 0;
    if (isPart) this.#shorten(commandId, { stream, from, below: last });
    this.#db.run(
      "DELETE FROM output WHERE command_id = ? AND stream = ? AND end_offset > ? AND end_offset <= ?",
      commandId,
      stream,
      from,
      last,
    );
    return Number(dropped);
  }

  /** Shortens the piece that begins before a range and ends in it, if there is one. */
  #shorten(
    commandId: bigint,
    { stream, from, below }: OutputRange & { stream: StreamName },
  ): void {
    this.#db.run(
      `UPDATE output SET end_offset = ?1, size = ?1 - end_offset + size,
         bytes = CASE WHEN size IS NULL THEN substr(bytes, 1, ?1 - end_offset + length(bytes)) ELSE bytes END
       WHERE command_id = ?2 AND stream = ?3 AND end_offset > ?1 AND end_offset <= ?4
         AND end_offset - ${SIZE} < ?1`,
      from,
      commandId,
      stream,
      below,
    );
  }

  /**
   * Requires that a piece continues its stream, and returns the figures of its command. If an earlier piece of the same
   * request failed, a later one would leave a hole.
   */
  #requireNext(
    commandId: bigint,
    { stream, offset, cut }: OutputPiece,
  ): OutputFigures {
    const row = this.#db.get(
      `SELECT ${
        HELD_COLUMN[stream]
      } AS held, output_kept, truncated FROM commands WHERE id = ?`,
      commandId,
    );
    if (row === undefined) throw commandNotFound("keep output of", commandId);
    const held = row["held"] as bigint;
    if (offset < held) {
      throw new TypeError(
        `Cannot keep output of command ${commandId} from ${stream} ${offset} on: it is held already, up to ${held}`,
      );
    }
    if (offset - cut > held) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot keep output of command ${commandId} from ${stream} ${offset} on: it is held up to ${held} only`,
      );
    }
    return {
      outputKept: row["output_kept"] as bigint,
      truncated: row["truncated"] === 1n,
    };
  }
}
