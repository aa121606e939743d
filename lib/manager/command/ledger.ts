import { PiriError } from "../../base/errors.ts";
import type { CommandRecord, StreamName } from "../../store/records.ts";

/** Bytes acknowledged at once from this size on, so that no child waits; fewer may wait for more. */
const PROMPT_BYTES = 262_144n;

/** Bytes of each stream. */
export type StreamBytes = Readonly<Record<StreamName, bigint>>;

/** Part of a piece of output that was not received before. */
export interface FreshPiece {
  readonly stream: StreamName;
  /** Offset in the stream of the first byte. */
  readonly offset: bigint;
  readonly bytes: Uint8Array;
  /** Bytes just before the offset that are gone for good. */
  readonly cut: bigint;
  /** False for bytes that are only counted: the command's share is full. */
  readonly keep: boolean;
}

/**
 * Counts of a command's output bytes, by stream.
 *
 * - received: came in over a connection
 * - recorded: known to be in the store, kept or counted
 * - held: may be acknowledged; a slow watcher holds back what the store only counts
 * - acknowledged: told to the agent, which may forget them
 *
 * acknowledged <= held <= recorded <= received, for each stream and at any time. Bytes of both streams together are
 * `kept` in the store up to a limit; beyond it they are recorded as counted only.
 */
export class Ledger {
  readonly #id: bigint;
  readonly #received: Record<StreamName, bigint>;
  readonly #recorded: Record<StreamName, bigint>;
  readonly #held: Record<StreamName, bigint>;
  readonly #acknowledged: Record<StreamName, bigint>;
  #kept: bigint;
  #full: boolean;
  /** Bytes of both streams at the last prompt acknowledgement. */
  #prompted = 0n;

  /** Opens the ledger of a command; `isFull` if its last output was counted and not kept. */
  constructor(
    { id, stdoutHeld, stderrHeld, outputKept }: Pick<
      CommandRecord,
      "id" | "stdoutHeld" | "stderrHeld" | "outputKept"
    >,
    { isFull = false } = {},
  ) {
    this.#id = id;
    const held = { stdout: stdoutHeld, stderr: stderrHeld };
    this.#received = { ...held };
    this.#recorded = { ...held };
    this.#held = { ...held };
    this.#acknowledged = { stdout: 0n, stderr: 0n };
    this.#kept = outputKept;
    this.#full = isFull;
  }

  get received(): StreamBytes {
    return { ...this.#received };
  }

  get recorded(): StreamBytes {
    return { ...this.#recorded };
  }

  get held(): StreamBytes {
    return { ...this.#held };
  }

  get acknowledged(): StreamBytes {
    return { ...this.#acknowledged };
  }

  /** Bytes of both streams that are or will be kept. */
  get kept(): bigint {
    return this.#kept;
  }

  /**
   * Takes in a piece of output, and returns the part that is new; undefined if all of it was received before.
   *
   * From the first piece on that does not fit into `keepBytes` nothing is kept, so that what is kept has no hole that a
   * watcher could fall into.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION if it begins above what was received and the bytes between are not called cut
   */
  take(
    stream: StreamName,
    { offset, bytes, cut }: Pick<FreshPiece, "offset" | "bytes" | "cut">,
    keepBytes: bigint,
  ): FreshPiece | undefined {
    const received = this.#received[stream];
    const end = offset + BigInt(bytes.length);
    const gap = offset - received;
    if (gap > 0n && cut < gap) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot record the ${stream} of command ${this.#id}: it goes on at byte ${offset}, and ${received} were received`,
      );
    }
    if (end <= received) return undefined;
    const fresh = gap >= 0n ? bytes : bytes.subarray(Number(-gap));
    const size = BigInt(fresh.length);
    this.#received[stream] = end;
    this.#full ||= this.#kept + size > keepBytes;
    if (!this.#full) this.#kept += size;
    return {
      stream,
      offset: end - size,
      bytes: fresh,
      cut: gap > 0n ? gap : 0n,
      keep: !this.#full,
    };
  }

  /** Takes in the text of a legacy agent's result, which is kept whatever its size, as the next bytes of stdout. */
  takeText(bytes: Uint8Array): FreshPiece {
    const offset = this.#received.stdout;
    this.#received.stdout += BigInt(bytes.length);
    this.#kept += BigInt(bytes.length);
    return { stream: "stdout", offset, bytes, cut: 0n, keep: true };
  }

  /** Notes that the store has a stream up to this offset, kept or counted. */
  noteRecorded(stream: StreamName, end: bigint): void {
    raise(this.#recorded, stream, end);
    raise(this.#received, stream, end);
  }

  /** Lets a stream be acknowledged up to this offset, which must be recorded. */
  hold(stream: StreamName, end: bigint): void {
    raise(this.#held, stream, end);
  }

  /** Takes back a piece that could not be recorded: it comes again, from what is held on. */
  takeBack({ stream, bytes, keep }: FreshPiece): void {
    this.#received[stream] = this.#recorded[stream];
    if (keep) this.#kept -= BigInt(bytes.length);
  }

  /** Takes back all that is received and not recorded. */
  takeBackAll(): void {
    Object.assign(this.#received, this.#recorded);
  }

  /** Closes both streams at these totals, which are recorded with the result: what did not come will not come. */
  close(totals: StreamBytes): void {
    for (const stream of ["stdout", "stderr"] as const) {
      this.noteRecorded(stream, totals[stream]);
      this.hold(stream, totals[stream]);
    }
  }

  /** Acknowledges all that is held. `isPrompt` if so much is new that the agent should hear it at once. */
  acknowledge(): { readonly held: StreamBytes; readonly isPrompt: boolean } {
    const { held } = this;
    Object.assign(this.#acknowledged, held);
    const bytes = held.stdout + held.stderr;
    const isPrompt = bytes - this.#prompted >= PROMPT_BYTES;
    if (isPrompt) this.#prompted = bytes;
    return { held, isPrompt };
  }
}

function raise(
  counts: Record<StreamName, bigint>,
  stream: StreamName,
  to: bigint,
): void {
  if (to > counts[stream]) counts[stream] = to;
}
