import { PiriError } from "../base/errors.ts";
import { commandNotFound } from "./commands.ts";
import type { Database } from "./database.ts";
import type { Meta } from "./meta.ts";
import type { StoredOutput, StreamName } from "./records.ts";

const HELD_COLUMN: Readonly<Record<StreamName, string>> = {
  stdout: "stdout_held",
  stderr: "stderr_held",
};

/** Table of programs' output, in pieces. */
export class Output {
  readonly #db: Database;
  readonly #meta: Meta;

  constructor(db: Database, meta: Meta) {
    this.#db = db;
    this.#meta = meta;
  }

  /**
   * Stores or counts a piece, and updates the figures of its command.
   *
   * @throws {PiriError} NOT_FOUND
   *
   * @throws {TypeError} if bytes of the piece are held already: a reader would get them twice.
   */
  append(
    commandId: bigint,
    { stream, offset, bytes, cut, keep }: {
      stream: StreamName;
      offset: bigint;
      bytes: Uint8Array;
      cut: bigint;
      keep: boolean;
    },
  ): void {
    this.#requireNext(commandId, stream, { offset, cut });
    const end = offset + BigInt(bytes.length);
    const kept = keep ? bytes.length : 0;
    const isLossy = cut > 0n || kept < bytes.length;
    this.#db.run(
      `UPDATE commands SET ${
        HELD_COLUMN[stream]
      } = ?, output_kept = output_kept + ?,
         truncated = truncated OR ? WHERE id = ?`,
      end,
      kept,
      isLossy ? 1 : 0,
      commandId,
    );
    if (!keep || (kept === 0 && cut === 0n)) return;
    this.#db.run(
      "INSERT INTO output (command_id, stream, end_offset, cut, bytes) VALUES (?, ?, ?, ?, ?)",
      commandId,
      stream,
      end,
      cut,
      bytes,
    );
    this.#meta.count({ outputBytes: kept });
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
      `SELECT end_offset, cut, bytes FROM output
       WHERE command_id = ? AND stream = ? AND end_offset > ? ORDER BY end_offset`,
      commandId,
      stream,
      offset,
    );
    for (const row of rows) {
      const bytes = row["bytes"] as Uint8Array;
      pieces.push({
        offset: (row["end_offset"] as bigint) - BigInt(bytes.length),
        bytes,
        cut: row["cut"] as bigint,
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
      "SELECT id, length(bytes) AS size FROM output WHERE command_id = ? ORDER BY stream, end_offset LIMIT ?",
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
    if (deleted.rows > 0) {
      this.#db.run(
        "UPDATE commands SET output_kept = output_kept - ?, truncated = 1 WHERE id = ?",
        deleted.bytes,
        commandId,
      );
      this.#meta.count({ outputBytes: -deleted.bytes });
    }
    return deleted;
  }

  /**
   * Requires that a piece continues its stream. If an earlier piece of the same request failed, a later one would leave
   * a hole.
   */
  #requireNext(
    commandId: bigint,
    stream: StreamName,
    { offset, cut }: { offset: bigint; cut: bigint },
  ): void {
    const held = this.#db.get(
      `SELECT ${HELD_COLUMN[stream]} AS held FROM commands WHERE id = ?`,
      commandId,
    )?.["held"] as bigint | undefined;
    if (held === undefined) throw commandNotFound("keep output of", commandId);
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
  }
}
