import type { Database, Row, SqlValue } from "./database.ts";
import { Segments } from "./segments.ts";
import type { SegmentFiles } from "./segment_files.ts";

/** Size from which a piece of output is worth a sync of its own. */
const LARGE_BYTES = 16_384;

/** Most that one write moves, about, so that no other write waits long behind it. */
const MAX_MOVED = { rows: 200, bytes: 4 * 1_048_576 };

/** Columns of a piece that tell where its bytes are. */
export interface PlaceOfBytes {
  readonly bytes: Uint8Array;
  readonly segment: number | null;
  readonly place: number | null;
  readonly size: number | null;
}

/** Number of bytes of a piece, as SQL. */
export const SIZE = "coalesce(size, length(bytes))";

const NO_BYTES = new Uint8Array();

/**
 * Places of the bytes of output: those of large pieces are in segments, where they are written once, and not once to the
 * database's log and once to its file. Those of others are in the table itself, which takes no second sync.
 */
export class LargeOutput implements Disposable {
  readonly #db: Database;
  readonly #segments: Segments;
  readonly #from: number;

  /** Takes over the files. Pieces from a size of `from` bytes on are in segments. */
  constructor(db: Database, files: SegmentFiles, from = LARGE_BYTES) {
    const last = db.get(
      "SELECT max(segment) AS last FROM output WHERE segment IS NOT NULL",
    )?.["last"];
    this.#db = db;
    this.#segments = new Segments(files, Number(last));
    this.#from = from;
  }

  /** Size of all segments in bytes. */
  get bytes(): number {
    return this.#segments.bytes;
  }

  /**
   * Puts the bytes of a piece in their place.
   *
   * @throws {PiriError} DISK
   */
  put(bytes: Uint8Array): PlaceOfBytes {
    if (bytes.length < this.#from) {
      return { bytes, segment: null, place: null, size: null };
    }
    const at = this.#segments.append(bytes);
    return { bytes: NO_BYTES, ...at, size: bytes.length };
  }

  /**
   * Bytes of a piece, by its columns `bytes`, `segment`, `place` and `size`.
   *
   * @throws {PiriError} CORRUPT if its segment lacks them; DISK
   */
  bytesOf(row: Row): Uint8Array {
    const { bytes, segment, place, size } = row;
    if (segment === null) return bytes as Uint8Array;
    const at = { segment: Number(segment), place: Number(place) };
    return this.#segments.read(at, Number(size));
  }

  /** Makes all that was put in its place survive a power cut. Call it before each commit. */
  sync(): void {
    this.#segments.sync();
  }

  /** Removes the segments that no piece names. Call it while no write is under way. */
  removeSpent(): void {
    this.#segments.removeSpent(this.#kept());
  }

  /** Segments of which most is of no use any more. They get no more bytes. Call it while no write is under way. */
  thin(): number[] {
    return this.#segments.thin(this.#kept());
  }

  /** Moves some pieces out of a segment that gets no more bytes. Returns their count: 0 once none is left. */
  moveFrom(segment: number): number {
    const pieces = this.#db.all(
      `SELECT id, bytes, segment, place, size FROM output
       WHERE segment = ? ORDER BY place LIMIT ?`,
      segment,
      MAX_MOVED.rows,
    );
    let bytes = 0;
    let rows = 0;
    for (const piece of pieces) {
      if (bytes >= MAX_MOVED.bytes) break;
      const at = this.#segments.append(this.bytesOf(piece));
      this.#db.run(
        "UPDATE output SET segment = ?, place = ? WHERE id = ?",
        at.segment,
        at.place,
        piece["id"] as SqlValue,
      );
      bytes += Number(piece["size"]);
      rows += 1;
    }
    return rows;
  }

  [Symbol.dispose](): void {
    this.#segments[Symbol.dispose]();
  }

  /** Number of bytes in each segment that pieces name. */
  #kept(): Map<number, number> {
    return numbersOf(
      this.#db,
      "SELECT segment, sum(size) FROM output WHERE segment IS NOT NULL GROUP BY segment",
    );
  }
}

/** Size that each segment must have, by what the table names. */
export function endsOfSegments(db: Database): Map<number, number> {
  return numbersOf(
    db,
    "SELECT segment, max(place + size) FROM output WHERE segment IS NOT NULL GROUP BY segment",
  );
}

function numbersOf(db: Database, sql: string): Map<number, number> {
  return new Map(
    db.cells(sql).map(([segment, value]) => [Number(segment), Number(value)]),
  );
}
