import { concat } from "@std/bytes/concat";
import type { Disk } from "../../base/disk.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { Turns } from "../../base/turns.ts";
import { frame } from "./frame.ts";
import {
  encodeRecord,
  type JournalRecord,
  MAX_RECORD_BYTES,
} from "./record.ts";
import type { Reserve } from "./reserve.ts";

/** File of all records but output. */
export const LOG_FILE = "journal.log";

/** Options of a write. */
export interface WriteOptions {
  /** True to resolve only once the record would survive a power cut. */
  readonly durable?: boolean;
  /** Bytes of the reserve that a write on a full disk leaves; it takes none of the reserve if absent. */
  readonly floor?: number;
  /** Applies the record to the state in memory. Called as soon as it is stored, before any later record is handled. */
  readonly apply?: () => void;
}

interface Line extends WriteOptions {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly kept: PromiseWithResolvers<void>;
}

/**
 * Log of records, appended one after the other. Records that are written together share a write and a sync.
 *
 * `snapshot` returns the records of the present state. The file is rewritten with them when most of it is history.
 */
export class JournalLog {
  readonly #disk: Disk;
  readonly #reserve: Reserve;
  readonly #log: Logger;
  readonly #compactAt: number;
  readonly #snapshot: () => JournalRecord[];
  readonly #turns = new Turns();
  #waiting: Line[] = [];
  #closed = false;
  /** Count of good bytes in the file. */
  #size: number;
  /** True if the file has more bytes behind the good ones. */
  #torn: boolean;
  /** True after a failed sync: the content of the file is unknown, and another sync would not show it. */
  #suspect = false;
  #checkAt: number;

  constructor(
    { disk, reserve, log, compactAt, snapshot, size, torn }: {
      disk: Disk;
      reserve: Reserve;
      log: Logger;
      compactAt: number;
      snapshot: () => JournalRecord[];
      /** Count of good bytes in the file, and whether it has more bytes behind them. */
      size: number;
      torn: boolean;
    },
  ) {
    this.#disk = disk;
    this.#reserve = reserve;
    this.#log = log;
    this.#compactAt = compactAt;
    this.#snapshot = snapshot;
    this.#size = size;
    this.#torn = torn;
    this.#checkAt = compactAt;
  }

  /** Size of the file, in bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Stores a record.
   *
   * @throws {PiriError} DISK; INVALID_ARGUMENT if it is too long. The record is then not applied.
   */
  write(record: JournalRecord, options: WriteOptions = {}): Promise<void> {
    const payload = encodeRecord(record);
    if (payload.length > MAX_RECORD_BYTES) {
      return Promise.reject(
        new PiriError(
          "INVALID_ARGUMENT",
          `Cannot keep ${payload.length} bytes in the journal: the limit is ${MAX_RECORD_BYTES}`,
        ),
      );
    }
    if (this.#closed) return Promise.reject(closedError());
    const kept = Promise.withResolvers<void>();
    this.#waiting.push({ ...options, bytes: frame([payload]), kept });
    if (this.#waiting.length === 1) {
      void this.#turns.run(() => this.#writeLines(this.#waiting.splice(0)));
    }
    return kept.promise;
  }

  /**
   * Rewrites the file with the present state alone.
   *
   * @throws {PiriError} DISK; the old file is then still there.
   */
  async rewrite(): Promise<void> {
    await this.#turns.run(() => this.#rewrite([], 0));
  }

  /** Waits for writes under way and makes them durable as far as possible. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.run(async () => {
      try {
        await this.#disk.sync(LOG_FILE);
      } catch (error) {
        this.#complain("sync", error);
      }
    });
  }

  /** Writes the records and settles their promises. Never rejects. */
  async #writeLines(lines: readonly Line[]): Promise<void> {
    const written = this.#suspect
      ? await this.#writeAnew(lines)
      : await this.#append(lines);
    for (const { apply, kept } of written) {
      apply?.();
      kept.resolve();
    }
    if (this.#size > this.#checkAt) await this.#compact();
  }

  async #append(lines: readonly Line[]): Promise<readonly Line[]> {
    const written = await this.#appendAll(lines);
    if (!written.some(({ durable }) => durable)) return written;
    try {
      await this.#disk.sync(LOG_FILE);
      return written;
    } catch (error) {
      // After a failed fsync Linux counts the pages as clean: the next fsync would succeed and mean nothing.
      this.#suspect = true;
      this.#complain("sync", error);
    }
    const durable = written.filter((line) => line.durable);
    const others = written.filter((line) => !line.durable);
    for (const { apply, kept } of others) {
      apply?.();
      kept.resolve();
    }
    return await this.#writeAnew(durable);
  }

  /** Appends the records in one write, or else each record that fits. */
  async #appendAll(lines: readonly Line[]): Promise<readonly Line[]> {
    try {
      await this.#appendBytes(join(lines));
      return lines;
    } catch (error) {
      this.#complain("append to", error);
    }
    const written: Line[] = [];
    for (const line of lines) {
      try {
        await this.#withReserve(
          line.bytes.length,
          line.floor,
          () => this.#appendBytes(line.bytes),
        );
        written.push(line);
      } catch (error) {
        line.kept.reject(error);
      }
    }
    return written;
  }

  async #appendBytes(bytes: Uint8Array): Promise<void> {
    if (this.#torn) {
      await this.#disk.truncate(LOG_FILE, this.#size);
      this.#torn = false;
    }
    this.#torn = true;
    await this.#disk.append(LOG_FILE, bytes);
    this.#torn = false;
    this.#size += bytes.length;
  }

  /** Rewrites the file, with these records in it. */
  async #writeAnew(lines: readonly Line[]): Promise<readonly Line[]> {
    try {
      const floors = lines.flatMap(({ floor }) => floor ?? []);
      await this.#rewrite(
        lines,
        floors.length > 0 ? Math.min(...floors) : undefined,
      );
      return lines;
    } catch (error) {
      for (const { kept } of lines) kept.reject(error);
      return [];
    }
  }

  async #rewrite(
    lines: readonly Line[],
    floor: number | undefined,
  ): Promise<void> {
    const state = frame(this.#snapshot().map(encodeRecord));
    const bytes = join([{ bytes: state }, ...lines]);
    await this.#withReserve(
      bytes.length,
      floor,
      () => this.#disk.replace(LOG_FILE, bytes),
    );
    this.#size = bytes.length;
    this.#torn = false;
    this.#suspect = false;
    this.#checkAt = Math.max(this.#compactAt, 2 * bytes.length);
  }

  async #compact(): Promise<void> {
    const live = frame(this.#snapshot().map(encodeRecord)).length;
    this.#checkAt = Math.max(this.#size + this.#compactAt / 2, 2 * live);
    if (this.#size <= 2 * live) return;
    try {
      await this.#rewrite([], 0);
    } catch (error) {
      this.#complain("rewrite", error);
    }
  }

  async #withReserve(
    bytes: number,
    floor: number | undefined,
    task: () => Promise<void>,
  ): Promise<void> {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        if (
          floor === undefined || !await this.#reserve.release(bytes, floor)
        ) throw error;
      }
    }
  }

  #complain(attempt: string, error: unknown): void {
    this.#log.error("Cannot {attempt} the journal: {reason}", {
      attempt,
      reason: messageOf(error),
      size: this.#size,
    });
  }
}

function join(
  parts: readonly { readonly bytes: Uint8Array }[],
): Uint8Array<ArrayBuffer> {
  return concat(parts.map(({ bytes }) => bytes));
}

function closedError(): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    "Cannot write to the journal: it is closed",
  );
}
