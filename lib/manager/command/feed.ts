import type { Clock, Timer } from "../../base/clock.ts";
import { Limits } from "../../base/limits.ts";
import type { StreamName } from "../../store/records.ts";

/** Limit of recent output that stays in memory although the store has it, in bytes a command, overhead included. */
const RECENT_BYTES = 1_048_576;

/**
 * Limit of output that readers hold back, in bytes a command, overhead included: what is only in memory, and what the
 * store would drop. A reader that falls further behind is cut off. The window of an agent fits in it unless its pieces
 * are under 512 bytes: of pieces of a few bytes a reader may be about 16,000 behind.
 */
const HELD_BYTES = 2 * Limits.window;

/** Time without a read after which a watcher no longer holds a command back, in milliseconds. */
export const STALLED_WATCHER_MS = 10_000;

/** Piece of a command's output. */
export interface FeedPiece {
  readonly stream: StreamName;
  readonly offset: bigint;
  readonly bytes: Uint8Array;
  readonly cut: bigint;
  /** Time at which it came, in milliseconds since 1970; absent if that was not recorded. */
  readonly at?: number;
  /** The store has it too, unless so much came after it that it was dropped. False stays in memory for all readers. */
  readonly kept: boolean;
}

/** Offset of each stream. */
type Offsets = Readonly<Record<StreamName, bigint>>;

/** Reader of a feed. */
export interface FeedReader {
  /** Callback of the reader for news. Must not throw. */
  wake: () => void;
  /** Number of the piece that it reads next. */
  next: number;
  /** Offset up to which it has had each stream, from memory or from the store. */
  readonly had: Record<StreamName, bigint>;
  /** Time of its last read, by the monotonic clock. */
  readAt: number;
  /** True once it was too slow: output that it held back is gone for it. */
  cutOff: boolean;
}

/** Promise that waits until all readers have had a stream up to an offset. */
interface Waiting {
  /** Number of the piece that it came with. */
  readonly number: number;
  readonly offset: bigint;
  /** Memory or disk that it stands for, in bytes. */
  readonly cost: number;
  readonly resolve: () => void;
}

/**
 * Output of a command on its way from the record to its watchers, in the order in which it was recorded.
 *
 * Pieces that the store keeps stay here while memory is cheap: a slow reader finds the rest in the store. Pieces that the
 * store only counts stay until every reader has had them, or has stalled. The store drops kept output only as far
 * as `drop` tells. What it was told to drop before a reader came stays here, too, if it is recorded after that.
 */
export class Feed {
  readonly #clock: Clock;
  readonly #readers = new Set<FeedReader>();
  readonly #pieces: FeedPiece[] = [];
  /** Number of the first piece in memory. */
  #first = 0;
  #heldBytes = 0;
  #finished = false;
  /** Promises that wait for readers, by stream, lowest offset first. */
  readonly #waiting: Readonly<Record<StreamName, Waiting[]>> = {
    stdout: [],
    stderr: [],
  };
  #waitingBytes = 0;
  /** Offset up to which the store drops each stream, or has dropped it. */
  readonly #dropped: Record<StreamName, bigint> = { stdout: 0n, stderr: 0n };
  /** One timer for all waiting promises. It is set again when it fires, not at each read. */
  #stall: Timer | undefined;
  /** Time since which some promise has waited without a break. */
  #waitingSince = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number that the next piece will have. */
  get end(): number {
    return this.#first + this.#pieces.length;
  }

  /** Bytes in memory for readers, overhead included. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Opens a reader that begins with the next piece, and has had all output below these offsets. */
  open(wake: () => void, had: Offsets): FeedReader {
    const reader = {
      wake,
      next: this.end,
      had: { ...had },
      readAt: this.#clock.monotonic(),
      cutOff: false,
    };
    this.#readers.add(reader);
    return reader;
  }

  close(reader: FeedReader): void {
    this.#readers.delete(reader);
    this.#trim();
    this.#move();
  }

  /** True once the command has ended and all its output was pushed. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Ends the feed: the command's end is recorded, and no more output comes. */
  finish(): void {
    this.#finished = true;
    this.touch();
  }

  /** Wakes readers for a change that is not output. */
  touch(): void {
    for (const reader of this.#readers) reader.wake();
  }

  /** Adds a piece. */
  push(piece: FeedPiece): void {
    const number = this.end;
    for (const reader of this.#readers) {
      // A reader that has had everything was not slow: its time to read runs from now.
      if (reader.next === number) reader.readAt = this.#clock.monotonic();
    }
    const kept = piece.kept && piece.offset >= this.#dropped[piece.stream];
    this.#pieces.push(kept === piece.kept ? piece : { ...piece, kept });
    this.#heldBytes += costOf(piece);
    this.#trim();
    if (this.#heldBytes > HELD_BYTES) {
      this.#giveUp(({ next }) => next <= this.#first);
    }
    this.touch();
  }

  /** Next piece of a reader; undefined at the end, "behind" if it must be read from the store. */
  read(reader: FeedReader): FeedPiece | "behind" | undefined {
    reader.readAt = this.#clock.monotonic();
    if (reader.next < this.#first) return "behind";
    const piece = this.#pieces[reader.next - this.#first];
    if (piece === undefined) return undefined;
    reader.next++;
    this.#trim();
    return piece;
  }

  /** Notes that a reader has had a stream up to this offset. */
  noteHad(reader: FeedReader, stream: StreamName, end: bigint): void {
    reader.had[stream] = end;
    reader.readAt = this.#clock.monotonic();
    this.#move();
  }

  /** Moves a reader that has read from the store to the oldest piece in memory. The two may overlap. */
  rejoin(reader: FeedReader): void {
    reader.next = Math.max(reader.next, this.#first);
  }

  /** Offset up to which every reader has had a stream, or the limit if that is lower. */
  readTo(stream: StreamName, limit: bigint): bigint {
    let lowest = limit;
    for (const { had } of this.#readers) {
      if (had[stream] < lowest) lowest = had[stream];
    }
    return lowest;
  }

  /** Lets the store drop a stream as far as every reader has had it, and at most to this limit. Returns the offset. */
  drop(stream: StreamName, limit: bigint): bigint {
    const below = this.readTo(stream, limit);
    if (below > this.#dropped[stream]) this.#dropped[stream] = below;
    return below;
  }

  /**
   * Resolves when every reader has had a stream up to this offset or was cut off; undefined if that is so already. The
   * offsets of a stream must not descend. `bytes` are held back until then.
   */
  passed(
    stream: StreamName,
    offset: bigint,
    bytes: number,
  ): Promise<void> | undefined {
    if (this.readTo(stream, offset) === offset) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!this.#isHeldBack) this.#waitingSince = this.#clock.monotonic();
    const cost = bytes + Limits.pieceOverhead;
    const number = this.end - 1;
    this.#waiting[stream].push({ number, offset, cost, resolve });
    this.#waitingBytes += cost;
    if (this.#waitingBytes > HELD_BYTES) this.#giveUpSlowest();
    this.#watchStall();
    return promise;
  }

  get #isHeldBack(): boolean {
    const { stdout, stderr } = this.#waiting;
    return stdout.length + stderr.length > 0;
  }

  /** True if something waits for this reader. */
  #holdsBack({ had }: FeedReader): boolean {
    const { stdout: [out], stderr: [err] } = this.#waiting;
    return out !== undefined && had.stdout < out.offset ||
      err !== undefined && had.stderr < err.offset;
  }

  #watchStall(): void {
    if (!this.#isHeldBack || this.#stall !== undefined) return;
    let slowest = Infinity;
    for (const reader of this.#readers) {
      if (this.#holdsBack(reader)) slowest = Math.min(slowest, reader.readAt);
    }
    if (slowest === Infinity) return;
    // A reader that took its time while nobody waited has that time once more.
    const since = Math.max(slowest, this.#waitingSince);
    const left = since + STALLED_WATCHER_MS - this.#clock.monotonic();
    this.#stall = this.#clock.timer(Math.max(0, left), () => {
      this.#stall = undefined;
      this.#giveUpStalled();
      this.#watchStall();
    });
  }

  #slowest(): number {
    let slowest = Infinity;
    for (const reader of this.#readers) {
      slowest = Math.min(slowest, reader.next);
    }
    return slowest;
  }

  #giveUpStalled(): void {
    const since = this.#clock.monotonic() - STALLED_WATCHER_MS;
    this.#giveUp((reader) => reader.readAt <= since && this.#holdsBack(reader));
  }

  /** Gives up the readers that the oldest promise waits for. */
  #giveUpSlowest(): void {
    const { stdout: [out], stderr: [err] } = this.#waiting;
    const isOut = (out?.number ?? Infinity) < (err?.number ?? Infinity);
    const stream = isOut ? "stdout" : "stderr";
    const oldest = (isOut ? out : err)?.offset ?? 0n;
    this.#giveUp(({ had }) => had[stream] < oldest);
  }

  #giveUp(isTooSlow: (reader: FeedReader) => boolean): void {
    const slow = [...this.#readers].filter(isTooSlow);
    if (slow.length === 0) return;
    for (const reader of slow) {
      reader.cutOff = true;
      this.#readers.delete(reader);
      reader.wake();
    }
    this.#trim();
    this.#move();
  }

  #trim(): void {
    const slowest = this.#slowest();
    let count = 0;
    for (const piece of this.#pieces) {
      const had = this.#first + count < slowest;
      const isRecent = this.#heldBytes <= RECENT_BYTES;
      if (!had && (!piece.kept || isRecent)) break;
      this.#heldBytes -= costOf(piece);
      count++;
    }
    this.#pieces.splice(0, count);
    this.#first += count;
  }

  /** Resolves the promises for output that all readers have had. */
  #move(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const waiting = this.#waiting[stream];
      for (let [first] = waiting; first !== undefined; [first] = waiting) {
        if (this.readTo(stream, first.offset) < first.offset) break;
        waiting.shift();
        this.#waitingBytes -= first.cost;
        first.resolve();
      }
    }
    if (this.#isHeldBack) return;
    this.#stall?.cancel();
    this.#stall = undefined;
  }
}

/** Memory of a piece in bytes, with its overhead: many small pieces take more than their bytes. */
function costOf({ bytes }: FeedPiece): number {
  return bytes.length + Limits.pieceOverhead;
}
