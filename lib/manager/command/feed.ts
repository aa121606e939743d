import type { Clock, Timer } from "../../base/clock.ts";
import { Limits } from "../../base/limits.ts";
import type { StreamName } from "../../store/records.ts";

/** Recent output that stays in memory for watchers though it is in the store, bytes a command with what holds them. */
const RECENT_BYTES = 1_048_576;

/**
 * Output that is only here, bytes a command with what holds them; who has not had it is too slow. An agent's window fits
 * in it, unless it comes in pieces of under 512 bytes: a watcher may fall behind by 16,000 of a few bytes.
 */
const HELD_BYTES = 2 * Limits.window;

/** A watcher that has not read for so long does not hold a command back any more, milliseconds. */
export const STALLED_WATCHER_MS = 10_000;

/** A piece of a command's output, in the order in which it was recorded. */
export interface FeedPiece {
  readonly stream: StreamName;
  readonly offset: bigint;
  readonly bytes: Uint8Array;
  readonly cut: bigint;
  /** Whether the store has it, too. */
  readonly kept: boolean;
}

/** One reader of a feed. */
export interface FeedReader {
  /** Called when there is something new. Set by the reader; must not throw. */
  wake: () => void;
  /** The number of the piece that it reads next. */
  next: number;
  /** When it last read, by the monotonic clock. */
  readAt: number;
  /** It was too slow: pieces that only were here are gone for it. */
  cutOff: boolean;
}

/**
 * What a command prints, on its way from the record to who watches it.
 *
 * Pieces that the store has are held only so far as memory is cheap: a slow reader finds them there. Pieces beyond what
 * is kept are held until every reader had them, or stalled.
 */
export class Feed {
  readonly #clock: Clock;
  readonly #readers = new Set<FeedReader>();
  readonly #pieces: FeedPiece[] = [];
  /** The number of the first piece that is held. */
  #first = 0;
  #heldBytes = 0;
  #finished = false;
  /** Who waits until readers had a piece, the first pieces first. */
  readonly #waiting: {
    readonly number: number;
    readonly resolve: () => void;
  }[] = [];
  /** While someone waits: one for all of them, set anew when it fires and not at each read. */
  #stall: Timer | undefined;
  /** Since when somebody has waited without a break. */
  #waitingSince = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number that the next piece will have. */
  get end(): number {
    return this.#first + this.#pieces.length;
  }

  /** Bytes that are held for readers, with what holds them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Opens a reader at the end of what there is. */
  open(wake: () => void): FeedReader {
    const reader = {
      wake,
      next: this.end,
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

  /** Whether the command has ended, and all that it printed was pushed. */
  get finished(): boolean {
    return this.#finished;
  }

  /** The command's end is recorded: nothing will be pushed any more. */
  finish(): void {
    this.#finished = true;
    this.touch();
  }

  /** Tells readers that something changed that is not output. */
  touch(): void {
    for (const reader of this.#readers) reader.wake();
  }

  /** Adds a piece; its number is returned. */
  push(piece: FeedPiece): number {
    const number = this.end;
    for (const reader of this.#readers) {
      // Who has had everything was not slow: the time to read runs from now.
      if (reader.next === number) reader.readAt = this.#clock.monotonic();
    }
    this.#pieces.push(piece);
    this.#heldBytes += costOf(piece);
    this.#trim();
    if (this.#heldBytes > HELD_BYTES) {
      this.#giveUp(({ next }) => next <= this.#first);
    }
    this.touch();
    return number;
  }

  /** The reader's next piece; undefined at the end, "behind" if it must be read from the store. */
  read(reader: FeedReader): FeedPiece | "behind" | undefined {
    reader.readAt = this.#clock.monotonic();
    if (reader.next < this.#first) return "behind";
    const piece = this.#pieces[reader.next - this.#first];
    if (piece === undefined) return undefined;
    reader.next++;
    this.#trim();
    this.#move();
    return piece;
  }

  /** Takes a reader that has read what the store has to the oldest piece that is held here. It may overlap. */
  rejoin(reader: FeedReader): void {
    reader.next = Math.max(reader.next, this.#first);
  }

  /** Resolves when every reader had the piece of this number, or was given up because it does not read. */
  passed(number: number): Promise<void> {
    if (this.#slowest() > number) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.length === 0) {
      this.#waitingSince = this.#clock.monotonic();
    }
    const after = this.#waiting.findLastIndex((each) => each.number <= number);
    this.#waiting.splice(after + 1, 0, { number, resolve });
    this.#watchStall();
    return promise;
  }

  #watchStall(): void {
    if (this.#waiting.length === 0 || this.#stall !== undefined) return;
    let slowest = Infinity;
    for (const { next, readAt } of this.#readers) {
      if (next < this.end) slowest = Math.min(slowest, readAt);
    }
    if (slowest === Infinity) return;
    // One that took its time while nobody waited has it once more.
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
    this.#giveUp(({ readAt, next }) => readAt <= since && next < this.end);
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

  /** Tells those who waited for what all readers have had. */
  #move(): void {
    const slowest = this.#slowest();
    while ((this.#waiting[0]?.number ?? Infinity) < slowest) {
      this.#waiting.shift()?.resolve();
    }
    if (this.#waiting.length > 0) return;
    this.#stall?.cancel();
    this.#stall = undefined;
  }
}

/** Memory that a piece takes: that of many small ones is not in their bytes. */
function costOf({ bytes }: FeedPiece): number {
  return bytes.length + Limits.pieceOverhead;
}
