import type { Disk } from "../../base/disk.ts";
import { messageOf } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import { Turns } from "../../base/turns.ts";
import { frame } from "./frame.ts";
import type { JournalLimits } from "./limits.ts";
import { type RecentBudget, RecentOutput, type StreamPiece } from "./recent.ts";
import type { Reserve } from "./reserve.ts";
import { type Segment, SegmentReader } from "./segment.ts";

/** File of output as found on the disk. */
export interface FoundSegment {
  /** Offset of its first byte in the stream, taken from its name. */
  readonly start: number;
  /** Size of the file, in bytes. */
  readonly size: number;
}

/** Parts that the streams of a journal share. */
export interface OutputContext {
  readonly disk: Disk;
  readonly reserve: Reserve;
  readonly limits: JournalLimits;
  readonly log: Logger;
  /** Budget of memory for all streams together. */
  readonly recent: RecentBudget;
}

/** Bytes that a command's two streams may still take from the reserve. */
export interface ReserveShare {
  left: number;
}

/**
 * Output of one stream of one command on the disk. Bytes that cannot be written or read become a cut, never an error.
 */
export class OutputStream {
  readonly #context: OutputContext;
  readonly #prefix: string;
  readonly #share: ReserveShare;
  readonly #reader: SegmentReader;
  readonly #recent: RecentOutput;
  readonly #turns = new Turns();
  readonly #segments: Segment[] = [];
  readonly #told = new Set<string>();
  /** Last segment, if bytes can be appended to it. */
  #active: Segment | undefined;
  #produced = 0;
  #acknowledged = 0;

  constructor(context: OutputContext, prefix: string, share: ReserveShare) {
    this.#context = context;
    this.#prefix = prefix;
    this.#share = share;
    this.#recent = new RecentOutput(context.recent);
    this.#reader = new SegmentReader(
      context.disk,
      (error) => this.#complain("read", error),
    );
  }

  get produced(): number {
    return this.#produced;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Bytes of the stream in its files. */
  get kept(): number {
    return this.#segments.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** Size of its files, in bytes. */
  get size(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Takes over the files of an earlier agent. `produced` is the length of the whole stream, if it is known. Never
   * rejects.
   */
  async recover(
    found: readonly FoundSegment[],
    { produced, acknowledged }: {
      produced: number | undefined;
      acknowledged: number;
    },
  ): Promise<void> {
    const most = produced ?? Number.MAX_SAFE_INTEGER;
    // Output is synced before the result is written, so a known length means that the output was synced.
    const synced = produced !== undefined;
    this.#acknowledged = acknowledged;
    for (const [i, { start, size }] of found.entries()) {
      const next = found[i + 1]?.start ?? most;
      const name = `${this.#prefix}${start}`;
      const end = Math.min(next, start + size);
      this.#segments.push({ name, start, end, size, synced });
    }
    if (produced === undefined) await this.#findEnd();
    this.#produced = Math.max(
      produced ?? this.#segments.at(-1)?.end ?? 0,
      acknowledged,
    );
  }

  /** Removes files that a power cut brought back, because their removal had not reached the disk. Never rejects. */
  removeReturned(): Promise<void> {
    return this.#turns.run(async () => {
      await this.#removeAcknowledged();
      if (this.kept > this.#context.limits.offlineOutput) {
        await this.#cutFound();
      }
    });
  }

  /**
   * Appends bytes, at the end or at an offset as JournalEntry does. Resolves once they would survive a crash of the agent,
   * or have become a cut. Never rejects.
   */
  append(bytes: Uint8Array, offset?: number): Promise<void> {
    if (bytes.length === 0) return Promise.resolve();
    return this.#turns.run(async () => {
      const fresh = this.#place(bytes, offset ?? this.#produced);
      if (fresh.length === 0) return;
      const records: Uint8Array[] = [];
      for (let at = 0; at < fresh.length; at += Limits.chunk) {
        records.push(fresh.subarray(at, at + Limits.chunk));
      }
      await this.#write(frame(records), fresh);
      await this.#cutMiddle();
    });
  }

  /** Makes what is missing before an offset a cut. Returns the bytes from the end of the stream on. */
  #place(bytes: Uint8Array, offset: number): Uint8Array {
    if (offset > this.#produced) {
      this.#active = undefined;
      this.#produced = offset;
    }
    return bytes.subarray(this.#produced - offset);
  }

  /** Reads the stream from `offset` on; undefined if it has not come so far. Never rejects. */
  read(offset: number, limit: number): Promise<StreamPiece | undefined> {
    return this.#turns.run(async () => {
      const recent = this.#recent.read(offset, limit);
      if (recent !== undefined) return recent;
      while (offset < this.#produced) {
        const segment = this.#segments.find(({ start, end }) =>
          end > Math.max(start, offset)
        );
        if (segment === undefined) {
          const cut = this.#produced - offset;
          return { offset: this.#produced, bytes: new Uint8Array(0), cut };
        }
        const from = Math.max(offset, segment.start);
        const bytes = await this.#reader.read(segment, from, limit);
        if (bytes instanceof Uint8Array) {
          return { offset: from, bytes, cut: from - offset };
        }
        this.#breakOff(segment, bytes.damagedAt);
      }
      return undefined;
    });
  }

  /**
   * Drops bytes below the offset; true if a file was removed. With `raise`, the offset may be above all bytes here.
   * Never rejects.
   */
  acknowledge(offset: number, { raise }: { raise: boolean }): Promise<boolean> {
    return this.#turns.run(async () => {
      if (raise) this.#produced = Math.max(this.#produced, offset);
      this.#acknowledged = Math.max(
        this.#acknowledged,
        Math.min(offset, this.#produced),
      );
      this.#recent.dropBelow(this.#acknowledged);
      return await this.#removeAcknowledged();
    });
  }

  /** Removes acknowledged files; true if there was any. */
  async #removeAcknowledged(): Promise<boolean> {
    const done = this.#segments.filter((segment) =>
      segment.end <= this.#acknowledged &&
      // A small file is not worth replacing by a new one.
      (segment !== this.#active ||
        segment.size >= this.#context.limits.segment / 4)
    );
    for (const segment of done) await this.#remove(segment);
    return done.length > 0;
  }

  /**
   * Makes all stored bytes survive a power cut.
   *
   * @throws {PiriError} DISK
   */
  sync(): Promise<void> {
    return this.#turns.run(async () => {
      const failures: unknown[] = [];
      for (const segment of this.#segments.filter(({ synced }) => !synced)) {
        try {
          await this.#context.disk.sync(segment.name);
          segment.synced = true;
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    });
  }

  /** Drops all stored bytes, as a cut. Never rejects. */
  discard(): Promise<void> {
    return this.#turns.run(async () => {
      this.#recent.clear();
      for (const segment of [...this.#segments]) await this.#remove(segment);
    });
  }

  async #write(framed: Uint8Array, bytes: Uint8Array): Promise<void> {
    const segment = this.#activeSegment();
    const { length } = bytes;
    const offset = this.#produced;
    this.#produced += length;
    if (await this.#appendTo(segment, framed)) {
      segment.size += framed.length;
      segment.end += length;
      segment.synced = false;
      this.#recent.add(offset, bytes);
      if (segment.size >= this.#context.limits.segment) {
        this.#active = undefined;
      }
      return;
    }
    // After a part that may have been written, a reader could find no further record in this file.
    this.#active = undefined;
    if (segment.end === segment.start) await this.#remove(segment);
  }

  #activeSegment(): Segment {
    if (this.#active === undefined) {
      const start = this.#produced;
      const name = `${this.#prefix}${start}`;
      this.#active = { name, start, end: start, size: 0, synced: false };
      this.#segments.push(this.#active);
    }
    return this.#active;
  }

  /** Appends to a segment; true if it was written. If not, the file may end in a part of the bytes. */
  async #appendTo(segment: Segment, framed: Uint8Array): Promise<boolean> {
    const { disk, reserve, limits } = this.#context;
    for (;;) {
      try {
        await disk.append(segment.name, framed);
        return true;
      } catch (error) {
        this.#complain("keep", error);
      }
      if (framed.length > this.#share.left) return false;
      if (!await reserve.release(framed.length, limits.reserve / 2)) {
        return false;
      }
      this.#share.left -= framed.length;
      try {
        await disk.truncate(segment.name, segment.size);
      } catch (error) {
        this.#complain("mend", error);
        return false;
      }
    }
  }

  /**
   * Cuts found files as the earlier agent would have: it knew where each file ends, and spared the file that it wrote
   * to.
   */
  async #cutFound(): Promise<void> {
    for (const segment of this.#segments) {
      segment.end = Math.min(segment.end, await this.#reader.findEnd(segment));
    }
    const last = this.#segments.at(-1);
    if (last !== undefined && last.size < this.#context.limits.segment) {
      await this.#cutMiddle(last);
    } else await this.#cutMiddle();
  }

  /** Drops the oldest output while there is too much, but never the first `window` bytes: they may be under way. */
  async #cutMiddle(spared = this.#active): Promise<void> {
    const { offlineOutput, window } = this.#context.limits;
    const head = this.#acknowledged + window;
    let { kept } = this;
    while (kept > offlineOutput) {
      const oldest = this.#segments.find((segment) =>
        segment.start >= head && segment !== spared
      );
      if (oldest === undefined) return;
      kept -= oldest.end - oldest.start;
      await this.#remove(oldest);
      this.#complain("keep all", `the limit is ${offlineOutput} bytes`);
    }
  }

  #breakOff(segment: Segment, at: number): void {
    this.#complain(
      "read on",
      `${segment.end - at} bytes from ${at} on are damaged`,
    );
    segment.end = at;
    if (segment === this.#active) this.#active = undefined;
  }

  /** Finds the end of the last segment of an earlier agent, which only a read can tell. */
  async #findEnd(): Promise<void> {
    for (;;) {
      const last = this.#segments.at(-1);
      if (last === undefined) return;
      const end = await this.#reader.findEnd(last);
      last.end = Math.min(last.end, end);
      if (last.end > last.start) return;
      await this.#remove(last);
    }
  }

  async #remove(segment: Segment): Promise<void> {
    const index = this.#segments.indexOf(segment);
    if (index >= 0) this.#segments.splice(index, 1);
    if (segment === this.#active) this.#active = undefined;
    try {
      await this.#context.disk.remove(segment.name);
    } catch (error) {
      this.#complain("remove", error);
    }
  }

  /** Logs a failure once for each stream and attempt, because a program may print a thousand times a second. */
  #complain(attempt: string, error: unknown): void {
    if (this.#told.has(attempt)) return;
    this.#told.add(attempt);
    this.#context.log.warn("Cannot {attempt} output {stream}: {reason}", {
      attempt,
      stream: this.#prefix,
      reason: messageOf(error),
    });
  }
}
