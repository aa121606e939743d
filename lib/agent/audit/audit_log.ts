import { concat } from "@std/bytes/concat";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf } from "../../base/errors.ts";
import type { FileDisk } from "../../base/file_disk.ts";
import { type Logger, logger } from "../../base/log.ts";
import { Turns } from "../../base/turns.ts";
import { auditFile, auditFiles } from "./audit_files.ts";
import { type AuditLine, encodeLine } from "./audit_line.ts";

/** The host's own record of its commands. */
export interface Audit {
  /**
   * Adds a line. Resolves once it would survive a crash of the agent, or could not be written: no command waits for a
   * full disk, and none fails by it. Never rejects.
   */
  add(line: AuditLine): Promise<void>;
}

/** Limits of the record. */
export interface AuditLimits {
  /** Size at which a new file begins, in bytes. */
  readonly fileBytes: number;
  /** Files that are kept, a count. The oldest goes first. */
  readonly files: number;
}

/** Default limits of the record: 10 MiB in all. */
export const AUDIT_LIMITS: AuditLimits = { fileBytes: 1_048_576, files: 10 };

/** Parts of the record. */
export interface AuditLogOptions {
  /** Opens the folder of the record, which the record then owns. Called again if it failed. */
  readonly open: () => Promise<FileDisk>;
  readonly clock: Clock;
  /** Counts the lines that could not be written. */
  readonly counters: Counters;
  readonly limits?: AuditLimits;
  readonly log?: Logger;
}

/** Encoded line. */
type Line = Uint8Array<ArrayBuffer>;

const NEWLINE: Line = new Uint8Array([0x0a]);
const NOTHING: Line = new Uint8Array();

/** File that lines are appended to. */
interface Current {
  readonly disk: FileDisk;
  number: number;
  size: number;
  /** True if its last line may have no end. */
  torn: boolean;
}

/** Record in files of JSON Lines. Lines that come together share a write, and nothing waits for a sync. */
export class AuditLog implements Audit, AsyncDisposable {
  readonly #options: AuditLogOptions;
  readonly #limits: AuditLimits;
  readonly #log: Logger;
  readonly #turns = new Turns();
  readonly #encoder = new TextEncoder();
  #waiting: Line[] = [];
  #writing = Promise.resolve();
  #disk: FileDisk | undefined;
  #current: Current | undefined;
  #closed = false;
  /** Count of lines that are missing since the last one that was written. */
  #missing = 0;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#limits = options.limits ?? AUDIT_LIMITS;
    this.#log = options.log ?? logger("agent", "audit");
  }

  /** Opens the folder, so that the first command need not wait for it. Never rejects: the next line tries again. */
  async prepare(): Promise<void> {
    await this.#turns.run(async () => {
      if (!this.#closed) this.#current ??= await this.#begin();
    }).catch(() => {});
  }

  add(line: AuditLine): Promise<void> {
    this.#waiting.push(this.#encoded(line));
    if (this.#waiting.length === 1) {
      this.#writing = this.#turns.run(() =>
        this.#write(this.#waiting.splice(0))
      );
    }
    return this.#writing;
  }

  /** Waits for the lines under way, and makes them durable as far as possible. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#closed) return;
      this.#closed = true;
      try {
        if (this.#current !== undefined) {
          await this.#current.disk.sync(auditFile(this.#current.number));
        }
        await this.#disk?.[Symbol.asyncDispose]();
      } catch (error) {
        this.#log.warning("Cannot sync the record of commands: {reason}", {
          reason: messageOf(error),
        });
      }
    });
  }

  async #write(lines: readonly Line[]): Promise<void> {
    if (this.#closed) return this.#miss(lines.length, "it is closed");
    let written = 0;
    try {
      this.#current ??= await this.#begin();
      if (this.#missing > 0) await this.#noteGap(this.#current);
      while (written < lines.length) {
        written += await this.#append(this.#current, lines.slice(written));
      }
    } catch (error) {
      // The content of the file is unknown now: the next write looks at it again.
      this.#current = undefined;
      this.#miss(lines.length - written, messageOf(error));
    }
  }

  async #begin(): Promise<Current> {
    const disk = this.#disk ??= await this.#options.open();
    const number = (await auditFiles(disk)).at(-1) ?? 1;
    const size = await disk.size(auditFile(number));
    const last = size === 0
      ? undefined
      : await disk.read(auditFile(number), size - 1, 1);
    const torn = last !== undefined && last[0] !== 0x0a;
    return { disk, number, size, torn };
  }

  /** Says in the record that lines are missing before this place. */
  async #noteGap(current: Current): Promise<void> {
    const missing = this.#missing;
    const gap = this.#encoded({
      at: this.#options.clock.now(),
      event: "gap",
      missing,
    });
    while (await this.#append(current, [gap]) === 0);
    this.#missing -= missing;
    this.#log.warning(
      "The record of commands goes on: {missing} of its lines are missing",
      { missing },
    );
  }

  /** Appends as many lines as fit into one file, and returns their count. */
  async #append(current: Current, lines: readonly Line[]): Promise<number> {
    const start = current.torn ? NEWLINE : NOTHING;
    let size = start.length;
    let count = 0;
    for (const { length } of lines) {
      // A file has one line at least, however long it is.
      const isFirst = current.size + count === 0;
      const end = current.size + size + length;
      if (end > this.#limits.fileBytes && !isFirst) break;
      size += length;
      count++;
    }
    if (count === 0) {
      await this.#rotate(current);
      return 0;
    }
    const bytes = concat([start, ...lines.slice(0, count)]);
    current.torn = true;
    await current.disk.append(auditFile(current.number), bytes);
    current.torn = false;
    current.size += bytes.length;
    return count;
  }

  #encoded(line: AuditLine): Line {
    return this.#encoder.encode(encodeLine(line));
  }

  /** Begins the next file, and removes the oldest ones. */
  async #rotate(current: Current): Promise<void> {
    const numbers = await auditFiles(current.disk);
    const surplus = numbers.length - (this.#limits.files - 1);
    for (const number of numbers.slice(0, Math.max(0, surplus))) {
      await current.disk.remove(auditFile(number));
    }
    current.number++;
    current.size = 0;
    current.torn = false;
  }

  #miss(lines: number, reason: string): void {
    if (lines === 0) return;
    this.#options.counters.add("audit_lines_missing", lines);
    if (this.#missing === 0) {
      this.#log.error(
        "Cannot write the record of commands: {reason}; commands run on, and the missing lines are counted",
        { reason },
      );
    }
    this.#missing += lines;
  }
}
