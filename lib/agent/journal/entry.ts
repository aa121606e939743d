import { messageOf, PiriError } from "../../base/errors.ts";
import type {
  ProcessIdentity,
  StreamName,
} from "../../operations/operation.ts";
import type { EntryState, JournalEntry, OutputPiece } from "./journal.ts";
import type { JournalLog } from "./log.ts";
import {
  type OutputContext,
  OutputStream,
  type ReserveShare,
} from "./output.ts";
import type { LoadedEntry } from "./load.ts";
import type { FoundSegment } from "./output.ts";
import type { JournalRecord } from "./record.ts";
import type { CommandName } from "./record_bytes.ts";

/** Parts that the entries of a journal share. */
export interface EntryContext extends OutputContext {
  readonly lines: JournalLog;
  /** Shrinks a result that has expired, or that does not fit on a full disk. */
  readonly shrinkResult: (result: Uint8Array) => Uint8Array;
}

/** Fields of a new or recovered command, without its streams. */
export type EntryFacts = Omit<LoadedEntry, "stdout" | "stderr">;

/** Command in the journal. After it was forgotten, calls succeed and store nothing. */
export class DiskEntry implements JournalEntry {
  readonly key: number;
  readonly id: bigint;
  readonly nonce: bigint;
  readonly managerId: string;
  readonly #context: EntryContext;
  readonly #streams: Readonly<Record<StreamName, OutputStream>>;
  #command: Uint8Array;
  #state: EntryState;
  #processes: readonly ProcessIdentity[];
  #result: Uint8Array | undefined;
  #seenAt: number | undefined;
  #finishing = false;
  #forgotten = false;
  /** True if it comes from an earlier agent: the Manager may hold more of its output than this disk. */
  #recovered = false;

  constructor(facts: EntryFacts, context: EntryContext) {
    this.key = facts.key;
    this.id = facts.name.id;
    this.nonce = facts.name.nonce;
    this.managerId = facts.name.managerId;
    this.#context = context;
    this.#command = facts.command;
    this.#state = facts.state;
    this.#processes = facts.processes;
    this.#result = facts.result;
    this.#seenAt = facts.seenAt;
    const share: ReserveShare = { left: context.limits.reserveOutput };
    this.#streams = {
      stdout: new OutputStream(context, `${this.key}.1.`, share),
      stderr: new OutputStream(context, `${this.key}.2.`, share),
    };
  }

  /** Takes over a command of an earlier agent, with its output. Never rejects. */
  static async recover(
    loaded: LoadedEntry,
    segments: ReadonlyMap<string, readonly FoundSegment[]>,
    context: EntryContext,
  ): Promise<DiskEntry> {
    const entry = new DiskEntry(loaded, context);
    entry.#recovered = true;
    const { stdout, stderr } = entry.#streams;
    const { key } = loaded;
    await stdout.recover(segments.get(`${key}.1.`) ?? [], loaded.stdout);
    await stderr.recover(segments.get(`${key}.2.`) ?? [], loaded.stderr);
    return entry;
  }

  /** Removes files that came back: a power cut can undo their removal. Never rejects. */
  async removeReturned(): Promise<void> {
    await this.#streams.stdout.removeReturned();
    await this.#streams.stderr.removeReturned();
  }

  get command(): Uint8Array {
    return this.#command;
  }

  get state(): EntryState {
    return this.#state;
  }

  get processes(): readonly ProcessIdentity[] {
    return this.#processes;
  }

  get result(): Uint8Array | undefined {
    return this.#result;
  }

  /** Time at which it was first seen to be finished, in milliseconds since 1970. */
  get seenAt(): number | undefined {
    return this.#seenAt;
  }

  /** Bytes on the disk. */
  get size(): number {
    const { stdout, stderr } = this.#streams;
    return this.#command.length + (this.#result?.length ?? 0) + stdout.size +
      stderr.size;
  }

  get #name(): CommandName & { readonly key: number } {
    const { key, id, nonce, managerId } = this;
    return { key, id, nonce, managerId };
  }

  produced(stream: StreamName): bigint {
    return BigInt(this.#streams[stream].produced);
  }

  acknowledged(stream: StreamName): bigint {
    return BigInt(this.#streams[stream].acknowledged);
  }

  kept(stream: StreamName): number {
    return this.#streams[stream].kept;
  }

  append(
    stream: StreamName,
    bytes: Uint8Array,
    offset?: number,
  ): Promise<void> {
    if (this.#forgotten) return Promise.resolve();
    if (this.#finishing) {
      return Promise.reject(
        new TypeError("Cannot keep output: the command is finished"),
      );
    }
    return this.#streams[stream].append(bytes, offset);
  }

  async started(identity?: ProcessIdentity): Promise<void> {
    if (this.#forgotten) return;
    const processes = identity === undefined ? [] : [identity];
    await this.#context.lines.write(
      { kind: "started", key: this.key, processes },
      {
        floor: 0,
        apply: () => {
          if (this.#state === "accepted") this.#state = "running";
          this.#processes = [...this.#processes, ...processes];
        },
      },
    );
  }

  async finish(result: Uint8Array): Promise<void> {
    if (this.#forgotten) return;
    if (this.#finishing || this.#state === "finished") {
      throw new TypeError("Cannot keep a result: the command is finished");
    }
    this.#finishing = true;
    try {
      await this.#syncOutput();
      await this.#keepResult(result);
    } catch (error) {
      this.#finishing = false;
      throw error;
    }
  }

  async acknowledge(
    held: { stdout: bigint; stderr: bigint },
  ): Promise<void> {
    const { stdout, stderr } = this.#streams;
    const options = { raise: this.#recovered };
    const dropped = [
      await stdout.acknowledge(toNumber(held.stdout), options),
      await stderr.acknowledge(toNumber(held.stderr), options),
    ];
    if (this.#forgotten || !dropped.includes(true)) return;
    try {
      await this.#context.lines.write(this.#acknowledgedRecord());
    } catch (error) {
      // The Manager repeats its acknowledgement.
      this.#complain("note what is acknowledged", error);
    }
    await this.#context.reserve.fill();
  }

  async read(
    stream: StreamName,
    offset: bigint,
    limit: number,
  ): Promise<OutputPiece | undefined> {
    const piece = await this.#streams[stream].read(toNumber(offset), limit);
    return piece && {
      offset: BigInt(piece.offset),
      bytes: piece.bytes,
      cut: BigInt(piece.cut),
    };
  }

  /** Notes the time at which it was first seen to be finished. Never rejects. */
  async see(at: number): Promise<void> {
    this.#seenAt = at;
    try {
      await this.#context.lines.write({ kind: "seen", key: this.key, at });
    } catch (error) {
      this.#complain("note its age", error);
    }
  }

  /** Drops its output and shrinks its result; true if anything could be dropped. Never rejects. */
  async expire(): Promise<boolean> {
    const before = this.size;
    await this.discardOutput();
    if (this.#result !== undefined) {
      const result = this.#shrink(this.#result);
      if (result.length < this.#result.length) this.#result = result;
      this.#command = new Uint8Array(0);
    }
    return this.size < before;
  }

  /** Drops the stored output, which becomes a cut. Never rejects. */
  async discardOutput(): Promise<void> {
    await this.#streams.stdout.discard();
    await this.#streams.stderr.discard();
  }

  /** Drops its output and ignores all later calls. Never rejects. */
  async forget(): Promise<void> {
    this.#forgotten = true;
    await this.discardOutput();
  }

  /** Records that restore it. */
  records(): JournalRecord[] {
    const { key } = this;
    const records: JournalRecord[] = [
      { kind: "accepted", ...this.#name, command: this.#command },
    ];
    if (this.#state !== "accepted") {
      records.push({ kind: "started", key, processes: this.#processes });
    }
    if (this.#result !== undefined) {
      records.push(this.#finishedRecord(this.#result));
    }
    const { stdout, stderr } = this.#streams;
    if (stdout.acknowledged > 0 || stderr.acknowledged > 0) {
      records.push(this.#acknowledgedRecord());
    }
    if (this.#seenAt !== undefined) {
      records.push({ kind: "seen", key, at: this.#seenAt });
    }
    return records;
  }

  /** Syncs both streams. If that fails, the result is still true: lost output shows as a cut. */
  async #syncOutput(): Promise<void> {
    for (const stream of [this.#streams.stdout, this.#streams.stderr]) {
      try {
        await stream.sync();
      } catch (error) {
        this.#complain("make its output durable", error);
      }
    }
  }

  /**
   * Stores the result. The reserve is for results; when it is used up, first output is dropped, then parts of the
   * result.
   */
  async #keepResult(result: Uint8Array): Promise<void> {
    try {
      return await this.#writeResult(result);
    } catch (error) {
      this.#complain("keep its result beside its output", error);
    }
    await this.discardOutput();
    try {
      return await this.#writeResult(result);
    } catch (error) {
      this.#complain("keep its whole result", error);
    }
    await this.#writeResult(this.#shrink(result));
  }

  #writeResult(result: Uint8Array): Promise<void> {
    return this.#context.lines.write(this.#finishedRecord(result), {
      durable: true,
      floor: 0,
      apply: () => {
        this.#result = result;
        this.#state = "finished";
      },
    });
  }

  #finishedRecord(result: Uint8Array): JournalRecord {
    const { stdout, stderr } = this.#streams;
    return {
      kind: "finished",
      ...this.#name,
      stdout: stdout.produced,
      stderr: stderr.produced,
      result,
    };
  }

  #acknowledgedRecord(): JournalRecord {
    const { stdout, stderr } = this.#streams;
    return {
      kind: "acknowledged",
      key: this.key,
      stdout: stdout.acknowledged,
      stderr: stderr.acknowledged,
    };
  }

  #shrink(result: Uint8Array): Uint8Array {
    try {
      return this.#context.shrinkResult(result);
    } catch (error) {
      this.#complain("shrink its result", error);
      return result;
    }
  }

  #complain(attempt: string, error: unknown): void {
    this.#context.log.error("Command {id}: cannot {attempt}: {reason}", {
      id: this.id,
      attempt,
      reason: messageOf(error),
    });
  }
}

/** Turns a count of bytes into a number, as this folder counts: exact up to 9 PB in each stream. */
function toNumber(count: bigint): number {
  if (count < 0n || count > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use ${count} as a byte count: the limit is ${Number.MAX_SAFE_INTEGER}`,
    );
  }
  return Number(count);
}
