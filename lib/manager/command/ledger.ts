import { PiriError } from "../../base/errors.ts";
import type {
  CommandRecord,
  OutputRange,
  StreamName,
} from "../../store/records.ts";

/** Bytes acknowledged at once from this size on, so that no child waits; fewer may wait for more. */
const PROMPT_BYTES = 262_144n;

/** Bytes of each stream. */
export type StreamBytes = Readonly<Record<StreamName, bigint>>;

/** Counts of a ledger, by stream. */
type Counts = Readonly<
  Record<
    "received" | "recorded" | "held" | "acknowledged",
    Record<StreamName, bigint>
  >
>;

/** Counts of bytes that a record tells. */
type ToldBytes = Pick<
  CommandRecord,
  "stdoutHeld" | "stderrHeld" | "outputKept"
>;

const NOTHING: StreamBytes = Object.freeze({ stdout: 0n, stderr: 0n });

/** Part of a piece of output that was not received before. */
export interface FreshPiece {
  readonly stream: StreamName;
  /** Offset in the stream of the first byte. */
  readonly offset: bigint;
  readonly bytes: Uint8Array;
  /** Bytes just before the offset that are gone for good. */
  readonly cut: bigint;
  /** False for bytes that are only counted: nothing is kept of a command. */
  readonly keep: boolean;
  /** Bytes of the stream that are not to be kept with this piece: those between its beginning and its end. */
  readonly middle: OutputRange | undefined;
}

/**
 * Counts of a command's output bytes, by stream.
 *
 * - received: came in over a connection
 * - recorded: known to be in the store, kept or counted
 * - held: may be acknowledged; a slow watcher holds back what makes the store drop bytes that it has not read
 * - acknowledged: told to the agent, which may forget them
 *
 * acknowledged <= held <= recorded <= received, for each stream and at any time.
 *
 * Of each stream the beginning and the end are kept, up to a quarter of the command's limit each. This is told from
 * offsets alone, so nothing of it has to be remembered over a restart: the first quarter never changes, and a new piece
 * moves the middle, which the store drops.
 */
export class Ledger {
  readonly #id: bigint;
  readonly #opened: StreamBytes;
  /** Counts since output, or a total, has come; most commands print nothing. */
  #moved: Counts | undefined;
  #kept: bigint;
  /** Bytes kept of each stream's beginning, and of its end, as of the last piece. */
  #quarter = 0n;
  /** Bytes of both streams at the last prompt acknowledgement. */
  #prompted = 0n;

  /** Opens the ledger of a command. */
  constructor(
    { id, stdoutHeld, stderrHeld, outputKept }:
      & ToldBytes
      & Pick<CommandRecord, "id">,
  ) {
    this.#id = id;
    const isEmpty = stdoutHeld === 0n && stderrHeld === 0n;
    this.#opened = isEmpty
      ? NOTHING
      : { stdout: stdoutHeld, stderr: stderrHeld };
    this.#kept = outputKept;
  }

  get received(): StreamBytes {
    return copyOf(this.#moved?.received ?? this.#opened);
  }

  get recorded(): StreamBytes {
    return copyOf(this.#moved?.recorded ?? this.#opened);
  }

  get held(): StreamBytes {
    return copyOf(this.#moved?.held ?? this.#opened);
  }

  get acknowledged(): StreamBytes {
    return copyOf(this.#moved?.acknowledged ?? NOTHING);
  }

  /** Counts that are about to change. */
  get #counts(): Counts {
    return this.#moved ??= {
      received: { ...this.#opened },
      recorded: { ...this.#opened },
      held: { ...this.#opened },
      acknowledged: { ...NOTHING },
    };
  }

  /** True if a record tells the bytes that are held, and those that are kept. */
  isToldBy({ stdoutHeld, stderrHeld, outputKept }: ToldBytes): boolean {
    const { stdout, stderr } = this.#moved?.held ?? this.#opened;
    return stdout === stdoutHeld && stderr === stderrHeld &&
      this.#kept === outputKept;
  }

  /** Bytes of both streams that the store keeps. */
  get kept(): bigint {
    return this.#kept;
  }

  /** Bytes of a stream that are not to be kept, as far as output has come in; undefined if all of it is. */
  middle(stream: StreamName): OutputRange | undefined {
    const from = this.#quarter;
    const below = (this.#moved?.received ?? this.#opened)[stream] - from;
    return from > 0n && below > from ? { from, below } : undefined;
  }

  /**
   * Takes in a piece of output, and returns the part that is new; undefined if all of it was received before.
   *
   * Of each stream a quarter of `keepBytes` is kept from its beginning, and as much up to its end.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION if it begins above what was received and the bytes between are not called cut
   */
  take(
    stream: StreamName,
    { offset, bytes, cut }: Pick<FreshPiece, "offset" | "bytes" | "cut">,
    keepBytes: bigint,
  ): FreshPiece | undefined {
    const counts = this.#counts;
    const received = counts.received[stream];
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
    counts.received[stream] = end;
    this.#quarter = keepBytes / 4n;
    return {
      stream,
      offset: end - size,
      bytes: fresh,
      cut: gap > 0n ? gap : 0n,
      keep: this.#quarter > 0n,
      middle: this.middle(stream),
    };
  }

  /** Takes in the text of a legacy agent's result, which is kept whatever its size, as the next bytes of stdout. */
  takeText(bytes: Uint8Array): FreshPiece {
    const { received } = this.#counts;
    const offset = received.stdout;
    received.stdout += BigInt(bytes.length);
    return {
      stream: "stdout",
      offset,
      bytes,
      cut: 0n,
      keep: true,
      middle: undefined,
    };
  }

  /** Notes the bytes of both streams that the store keeps. */
  noteKept(bytes: bigint): void {
    this.#kept = bytes;
  }

  /** Notes that the store has a stream up to this offset, kept or counted. */
  noteRecorded(stream: StreamName, end: bigint): void {
    const { recorded, received } = this.#counts;
    raise(recorded, stream, end);
    raise(received, stream, end);
  }

  /** Lets a stream be acknowledged up to this offset, as far as it is recorded. */
  hold(stream: StreamName, end: bigint): void {
    const { held, recorded } = this.#counts;
    const most = recorded[stream];
    raise(held, stream, end < most ? end : most);
  }

  /** Takes back a piece that could not be recorded: it comes again, from what is held on. */
  takeBack({ stream }: Pick<FreshPiece, "stream">): void {
    const { received, recorded } = this.#counts;
    received[stream] = recorded[stream];
  }

  /** Takes back all that is received and not recorded. */
  takeBackAll(): void {
    if (this.#moved === undefined) return;
    Object.assign(this.#moved.received, this.#moved.recorded);
  }

  /** Closes both streams at these totals, which are recorded with the result: what did not come will not come. */
  close(totals: StreamBytes): void {
    const { stdout, stderr } = this.#opened;
    const isStill = totals.stdout <= stdout && totals.stderr <= stderr;
    if (this.#moved === undefined && isStill) return;
    for (const stream of ["stdout", "stderr"] as const) {
      this.noteRecorded(stream, totals[stream]);
      this.hold(stream, totals[stream]);
    }
  }

  /** Acknowledges all that is held. `isPrompt` if so much is new that the agent should hear it at once. */
  acknowledge(): { readonly held: StreamBytes; readonly isPrompt: boolean } {
    const { held } = this;
    Object.assign(this.#counts.acknowledged, held);
    const bytes = held.stdout + held.stderr;
    const isPrompt = bytes - this.#prompted >= PROMPT_BYTES;
    if (isPrompt) this.#prompted = bytes;
    return { held, isPrompt };
  }
}

/** Copy that stays as it is. Many commands share that of nothing. */
function copyOf(bytes: StreamBytes): StreamBytes {
  return bytes === NOTHING ? bytes : { ...bytes };
}

function raise(
  counts: Record<StreamName, bigint>,
  stream: StreamName,
  to: bigint,
): void {
  if (to > counts[stream]) counts[stream] = to;
}
