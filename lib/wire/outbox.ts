import type { Clock, Timer } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import type { Later } from "./later.ts";
import { joinFrames } from "./frame.ts";
import { type Body, encodeFrame } from "./message.ts";
import type { Transport } from "./transport.ts";

/** A write that makes no progress for so long ends the connection, milliseconds. */
export const STALL_MS = 60_000;

/** So many bytes go into one write where frames may be gathered. */
const GATHERED_BYTES = 65_536;

/** Above so many queued bytes `send` waits. */
const HIGH_WATER = 262_144;

/** Above so many queued bytes the peer is taken for one that does not read, and given up. */
const OVERFLOW = 8 * 1_048_576;

/** How an Outbox behaves. */
export interface OutboxOptions {
  readonly clock: Clock;
  /** When what may wait is written at the latest. */
  readonly later: Later;
  /** Called once, when the peer does not take what is written, or the connection is broken. */
  readonly failed: (error: PiriError) => void;
}

interface Item {
  frame: Uint8Array;
  readonly key: string | undefined;
}

/**
 * Everything that waits to be written to one peer, in order, in bounded memory.
 *
 * There is one writer, which gathers what is queued into one write. Whoever produces a lot waits in `send`; whoever reads
 * must never wait, and uses `reply`.
 */
export class Outbox {
  /** True towards a legacy peer, which falls behind if it finds two frames in a TLS record. */
  oneFrameAWrite = false;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #later: Later;
  readonly #failed: (error: PiriError) => void;
  readonly #queue: Item[] = [];
  readonly #replaceable = new Map<string, Item>();
  #queuedBytes = 0;
  #writing = false;
  /** What is queued is written within the time of `later`. */
  #waits = false;
  /** While something is being written, and until it is found that nothing is any more. */
  #stall: Timer | undefined;
  /** When the peer last took something, or was first given something to take, by the monotonic clock. */
  #tookAt = 0;
  #closed = false;
  /** Bye is queued or written: the last message of whoever ends the connection. */
  #said = false;
  /** While someone waits for it. */
  #room: PromiseWithResolvers<void> | undefined;
  #empty: PromiseWithResolvers<void> | undefined;

  constructor(transport: Transport, { clock, later, failed }: OutboxOptions) {
    this.#transport = transport;
    this.#clock = clock;
    this.#later = later;
    this.#failed = failed;
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queues a message and resolves when there is room for the next. Rejects with UNAVAILABLE once closed. */
  async send(body: Body): Promise<void> {
    this.#add(body, undefined);
    this.#start();
    while (this.#queuedBytes > HIGH_WATER) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
    // It was dropped while it waited.
    if (this.#closed) throw closed(body);
  }

  /**
   * Queues a message without ever waiting, and tells whether it did: after Bye it is dropped. Of one kind that only its
   * newest counts, it takes its predecessor's place.
   */
  reply(body: Body): boolean {
    if (this.#closed || this.#said) return false;
    this.#add(body, replacementKey(body));
    this.#start();
    return true;
  }

  /** As `reply`, for what nobody waits for: it goes with the next write, or a little later with one of its own. */
  replyLater(body: Body): void {
    if (this.#closed || this.#said) return;
    this.#add(body, replacementKey(body));
    if (this.#writing || this.#waits) return;
    this.#waits = true;
    this.#later.add(() => {
      this.#waits = false;
      if (this.#queue.length > 0) this.#start();
    });
  }

  /** Resolves when all that is queued was handed over, or it was closed. */
  async flushed(): Promise<void> {
    while (this.#writing && !this.#closed) {
      this.#empty ??= Promise.withResolvers();
      await this.#empty.promise;
    }
  }

  /** Drops what is queued. */
  close(): void {
    this.#closed = true;
    this.#stall?.cancel();
    this.#queue.length = 0;
    this.#replaceable.clear();
    this.#queuedBytes = 0;
    this.#tellRoom();
    this.#tellEmpty();
  }

  #tellRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #tellEmpty(): void {
    this.#empty?.resolve();
    this.#empty = undefined;
  }

  #add(message: Body, key: string | undefined): void {
    if (this.#closed || this.#said) throw closed(message);
    this.#said = message.case === "bye";
    const frame = encodeFrame(message);
    const predecessor = key === undefined
      ? undefined
      : this.#replaceable.get(key);
    if (predecessor !== undefined) {
      this.#queuedBytes += frame.length - predecessor.frame.length;
      predecessor.frame = frame;
      return;
    }
    const item = { frame, key };
    this.#queue.push(item);
    if (key !== undefined) this.#replaceable.set(key, item);
    this.#queuedBytes += frame.length;
    if (this.#queuedBytes > OVERFLOW) {
      this.#fail(
        new PiriError(
          "UNAVAILABLE",
          `Cannot queue more than ${OVERFLOW} bytes: the peer does not read`,
        ),
      );
    }
  }

  #start(): void {
    if (this.#writing || this.#closed) return;
    this.#writing = true;
    // Begun in a microtask, so that what is sent in one go is gathered into one write.
    queueMicrotask(() => void this.#write());
  }

  async #write(): Promise<void> {
    // Closed since it was asked for: then nobody would call the timer off.
    if (this.#closed) return;
    this.#stall ??= this.#stallTimer(STALL_MS);
    try {
      while (this.#queue.length > 0 && !this.#closed) {
        const bytes = joinFrames(this.#gather());
        let written = 0;
        this.#tookAt = this.#clock.monotonic();
        while (written < bytes.length && !this.#closed) {
          const rest = written === 0 ? bytes : bytes.subarray(written);
          written += await this.#transport.write(rest);
          this.#tookAt = this.#clock.monotonic();
        }
        release(bytes);
        if (this.#queuedBytes <= HIGH_WATER) this.#tellRoom();
      }
    } catch (error) {
      this.#fail(
        error instanceof PiriError ? error : new PiriError(
          "UNAVAILABLE",
          "Cannot write to the peer: the connection is broken",
          { cause: error },
        ),
      );
      return;
    }
    this.#writing = false;
    this.#tellEmpty();
  }

  #gather(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    for (const { frame, key } of this.#queue) {
      const size = frame.length;
      const full = this.oneFrameAWrite || bytes + size > GATHERED_BYTES;
      if (count > 0 && full) break;
      if (key !== undefined) this.#replaceable.delete(key);
      frames.push(frame);
      bytes += size;
      count++;
    }
    this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    return frames;
  }

  /** One timer for all writes: it is set anew when it fires, not at each of them. */
  #stallTimer(ms: number): Timer {
    return this.#clock.timer(ms, () => {
      this.#stall = undefined;
      if (!this.#writing) return;
      const left = this.#tookAt + STALL_MS - this.#clock.monotonic();
      if (left > 0) {
        this.#stall = this.#stallTimer(left);
        return;
      }
      this.#fail(
        new PiriError(
          "TIMED_OUT",
          `Cannot write to the peer: nothing was taken for ${
            STALL_MS / 1_000
          } s`,
        ),
      );
    });
  }

  #fail(error: PiriError): void {
    if (this.#closed) return;
    this.close();
    this.#failed(error);
  }
}

/** So much memory is given back at once: it would else wait for a collection, with 64 MB of its like. */
const RELEASED_BYTES = 16_384;

/** What was written is nobody's any more. */
function release({ buffer }: Uint8Array): void {
  if (buffer.byteLength < RELEASED_BYTES) return;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

function closed({ case: kind }: Body): PiriError {
  return new PiriError(
    "UNAVAILABLE",
    `Cannot send "${kind}": the connection is closed`,
  );
}

/** What makes two queued messages the same, so that only the newest is of use. */
function replacementKey({ case: kind, value }: Body): string | undefined {
  switch (kind) {
    case "ping":
    case "pong":
      return kind;
    case "commandAck":
      return `${kind} ${value.commandId}`;
    default:
      return undefined;
  }
}
