import { concat } from "@std/bytes/concat";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf } from "../../base/errors.ts";
import type { FileDisk } from "../../base/file_disk.ts";
import { type Logger, logger } from "../../base/log.ts";
import { Turns } from "../../base/turns.ts";
import {
  chainBeginning,
  chainEnd,
  type ChainMark,
  encodeHead,
  HEAD_FILE,
  lineHash,
} from "./audit_chain.ts";
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

const NEWLINE = new Uint8Array([0x0a]);
const NOTHING = new Uint8Array();

/** Time after which the newest line is marked in head.json, in milliseconds. */
const HEAD_MS = 10_000;

/** File that lines are appended to. */
interface Current {
  readonly disk: FileDisk;
  number: number;
  size: number;
  /** True if its last line may have no end. */
  torn: boolean;
  /** Last line of the record, which the next one names. */
  mark: ChainMark;
  /** Number of the oldest line that is kept. */
  first: number;
}

/**
 * Record in files of JSON Lines, each with the hash of the line before it. Lines that come together share a write, and
 * nothing waits for a sync.
 */
export class AuditLog implements Audit, AsyncDisposable {
  readonly #options: AuditLogOptions;
  readonly #limits: AuditLimits;
  readonly #log: Logger;
  readonly #turns = new Turns();
  readonly #encoder = new TextEncoder();
  #waiting: AuditLine[] = [];
  #heading: Timer | undefined;
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
    this.#waiting.push(line);
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
        this.#heading?.cancel();
        if (this.#current !== undefined) await markHead(this.#current);
        await this.#disk?.[Symbol.asyncDispose]();
      } catch (error) {
        this.#log.warning("Cannot sync the record of commands: {reason}", {
          reason: messageOf(error),
        });
      }
    });
  }

  async #write(lines: readonly AuditLine[]): Promise<void> {
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
    const numbers = await auditFiles(disk);
    const number = numbers.at(-1) ?? 1;
    const size = await disk.size(auditFile(number));
    const last = size === 0
      ? undefined
      : await disk.read(auditFile(number), size - 1, 1);
    const torn = last !== undefined && last[0] !== 0x0a;
    const mark = await chainEnd(disk);
    const first = await chainBeginning(disk, numbers);
    return { disk, number, size, torn, mark, first };
  }

  /** Says in the record that lines are missing before this place. */
  async #noteGap(current: Current): Promise<void> {
    const missing = this.#missing;
    const at = this.#options.clock.now();
    const gap = { at, event: "gap", missing } as const;
    while (await this.#append(current, [gap]) === 0);
    this.#missing -= missing;
    this.#log.warning(
      "The record of commands goes on: {missing} of its lines are missing",
      { missing },
    );
  }

  /** Appends as many lines as fit into one file, and returns their count. */
  async #append(
    current: Current,
    lines: readonly AuditLine[],
  ): Promise<number> {
    const pieces: Uint8Array[] = current.torn ? [NEWLINE] : [NOTHING];
    let end = current.size + (current.torn ? 1 : 0);
    let { mark } = current;
    let count = 0;
    for (const line of lines) {
      const link = { seq: mark.seq + 1, prev: mark.hash };
      const bytes = this.#encoder.encode(encodeLine(line, link));
      // A file has one line at least, however long it is.
      const isFirst = current.size + count === 0;
      end += bytes.length;
      if (end > this.#limits.fileBytes && !isFirst) break;
      pieces.push(bytes);
      mark = { seq: link.seq, hash: lineHash(bytes.subarray(0, -1)) };
      count++;
    }
    if (count === 0) {
      await this.#rotate(current);
      return 0;
    }
    const bytes = concat(pieces);
    current.torn = true;
    await current.disk.append(auditFile(current.number), bytes);
    current.torn = false;
    current.size += bytes.length;
    current.mark = mark;
    this.#heading ??= this.#options.clock.timer(HEAD_MS, () => this.#head());
    return count;
  }

  /** Marks the newest line soon after it was written. Another one does so again. */
  #head(): void {
    this.#heading = undefined;
    void this.#turns.run(async () => {
      if (!this.#closed && this.#current !== undefined) {
        await markHead(this.#current);
      }
    }).catch(() => {});
  }

  /** Begins the next file, and removes the oldest ones. */
  async #rotate(current: Current): Promise<void> {
    const numbers = await auditFiles(current.disk);
    const surplus = Math.max(0, numbers.length - (this.#limits.files - 1));
    const kept = numbers.slice(surplus);
    current.first = kept.length === 0
      ? current.mark.seq + 1
      : await chainBeginning(current.disk, kept);
    await markHead(current);
    for (const number of numbers.slice(0, surplus)) {
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

/** Marks the newest line, once it would survive a power cut. */
async function markHead(
  { disk, number, mark, first }: Current,
): Promise<void> {
  if (mark.seq === 0) return; // nothing is chained yet
  await disk.sync(auditFile(number));
  await disk.replace(HEAD_FILE, encodeHead({ ...mark, first }));
}
