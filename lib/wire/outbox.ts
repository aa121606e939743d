import type { Clock, Timer } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { Limits } from "../base/limits.ts";
import { joinFrames } from "./frame.ts";
import type { Later } from "./later.ts";
import { type Body, encodeFrame } from "./message.ts";
import type { Transport } from "./transport.ts";

/** Longest time without progress of a write before the connection is ended, in milliseconds. */
export const STALL_MS = 60_000;

/** Most bytes of one write that gathers frames. A larger frame is written alone. */
const MAX_GATHERED_BYTES = 65_536;

/** Number of queued bytes above which `send` waits. */
const HIGH_WATER_BYTES = 262_144;

/** Number of queued bytes above which the connection is ended: the peer does not read. */
const MAX_QUEUED_BYTES = 8 * 1_048_576;

export interface OutboxOptions {
  readonly clock: Clock;
  /** Timer of deferred messages. */
  readonly later: Later;
  /** Called at most once, when the peer takes no more bytes or the connection is broken. */
  readonly failed: (error: PiriError) => void;
}

/** Id of a message of which only the newest counts: a Ping, or an acknowledgement of the output of a command. */
type Key = bigint | "ping";

interface Item {
  frame: Uint8Array;
  readonly key: Key | undefined;
  readonly isPong: boolean;
}

/**
 * The queue of messages to one peer, in order and in bounded memory.
 *
 * One writer gathers queued messages into one write. A producer of many messages waits in `send`. A reader must never
 * wait, and uses `reply`.
 */
export class Outbox {
  /** True for a peer that falls behind after two frames in one TLS record. */
  oneFrameAWrite = false;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #later: Later;
  readonly #failed: (error: PiriError) => void;
  readonly #queue: Item[] = [];
  readonly #replaceable = new Map<Key, Item>();
  #queuedBytes = 0;
  #queuedPongs = 0;
  #writing = false;
  /** True while a write is scheduled by `later`. */
  #isDeferred = false;
  /** Timer that is set while bytes are being written. Cleared when it fires after the last write. */
  #stall: Timer | undefined;
  /** Monotonic time at which the peer last took bytes, or the write began. */
  #tookAt = 0;
  #closed = false;
  /** True once Bye is queued or written: it is the last message. */
  #saidBye = false;
  /** Set while `send` waits for room. */
  #room: PromiseWithResolvers<void> | undefined;
  /** Set while `flushed` waits for the last write. */
  #empty: PromiseWithResolvers<void> | undefined;

  constructor(transport: Transport, { clock, later, failed }: OutboxOptions) {
    this.#transport = transport;
    this.#clock = clock;
    this.#later = later;
    this.#failed = failed;
  }

  /** Number of bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queues a message and resolves when there is room for another. Rejects with UNAVAILABLE once closed. */
  async send(body: Body): Promise<void> {
    this.#add(body, undefined);
    this.#start();
    while (this.#queuedBytes > HIGH_WATER_BYTES) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
    // The message was dropped while this call waited.
    if (this.#closed) throw closed(body);
  }

  /**
   * Queues a message without waiting. Returns false, and drops the message, after Bye. A message of which only the
   * newest counts replaces its queued predecessor.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION for a Pong while too many others wait: each Ping gets its own
   */
  reply(body: Body): boolean {
    if (this.#closed || this.#saidBye) return false;
    if (body.case === "pong" && this.#queuedPongs >= Limits.unansweredPings) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot answer a Ping: ${Limits.unansweredPings} others wait for their Pong, which is the limit`,
      );
    }
    this.#add(body, replacementKey(body));
    this.#start();
    return true;
  }

  /** Sends a message that may wait, with the next write or by `later` with a write of its own. */
  replyLater(body: Body): void {
    if (this.#closed || this.#saidBye) return;
    this.#add(body, replacementKey(body));
    if (this.#writing || this.#isDeferred) return;
    this.#isDeferred = true;
    this.#later.add(() => {
      this.#isDeferred = false;
      if (this.#queue.length > 0) this.#start();
    });
  }

  /** Resolves when all queued messages were written, or the outbox is closed. */
  async flushed(): Promise<void> {
    while (this.#writing && !this.#closed) {
      this.#empty ??= Promise.withResolvers();
      await this.#empty.promise;
    }
  }

  /** Drops all queued messages. */
  close(): void {
    this.#closed = true;
    this.#stall?.cancel();
    this.#queue.length = 0;
    this.#replaceable.clear();
    this.#queuedBytes = 0;
    this.#queuedPongs = 0;
    this.#resolveRoom();
    this.#resolveEmpty();
  }

  #resolveRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #resolveEmpty(): void {
    this.#empty?.resolve();
    this.#empty = undefined;
  }

  #add(message: Body, key: Key | undefined): void {
    if (this.#closed || this.#saidBye) throw closed(message);
    this.#saidBye = message.case === "bye";
    const frame = encodeFrame(message);
    const predecessor = key === undefined || this.#replaceable.size === 0
      ? undefined
      : this.#replaceable.get(key);
    if (predecessor !== undefined) {
      this.#queuedBytes += frame.length - predecessor.frame.length;
      predecessor.frame = frame;
      return;
    }
    const item = { frame, key, isPong: message.case === "pong" };
    this.#queue.push(item);
    if (item.isPong) this.#queuedPongs++;
    if (key !== undefined) this.#replaceable.set(key, item);
    this.#queuedBytes += frame.length;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) {
      this.#fail(
        new PiriError(
          "UNAVAILABLE",
          `Cannot queue more than ${MAX_QUEUED_BYTES} bytes: the peer does not read`,
        ),
      );
    }
  }

  #start(): void {
    if (this.#writing || this.#closed) return;
    this.#writing = true;
    // A microtask gathers messages of one turn into one write.
    queueMicrotask(() => void this.#write());
  }

  async #write(): Promise<void> {
    // The outbox may be closed since the call of `#start`: nobody would cancel the timer.
    if (this.#closed) return;
    this.#stall ??= this.#stallTimer(STALL_MS);
    try {
      while (this.#queue.length > 0 && !this.#closed) {
        const bytes = this.#next();
        let written = 0;
        this.#tookAt = this.#clock.monotonic();
        while (written < bytes.length && !this.#closed) {
          const rest = written === 0 ? bytes : bytes.subarray(written);
          written += await this.#transport.write(rest);
          this.#tookAt = this.#clock.monotonic();
        }
        release(bytes);
        if (this.#queuedBytes <= HIGH_WATER_BYTES) this.#resolveRoom();
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
    this.#resolveEmpty();
  }

  /** Takes the bytes of the next write off the queue. */
  #next(): Uint8Array {
    const [only] = this.#queue;
    if (this.#queue.length > 1 || only === undefined) {
      return joinFrames(this.#gather());
    }
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#queuedPongs = 0;
    if (only.key !== undefined) this.#replaceable.clear();
    return only.frame;
  }

  #gather(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    for (const { frame, key, isPong } of this.#queue) {
      const size = frame.length;
      const full = this.oneFrameAWrite || bytes + size > MAX_GATHERED_BYTES;
      if (count > 0 && full) break;
      if (key !== undefined) this.#replaceable.delete(key);
      if (isPong) this.#queuedPongs--;
      frames.push(frame);
      bytes += size;
      count++;
    }
    this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    return frames;
  }

  /** Starts the timer of all writes: it is set again when it fires, not at each write. */
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

/** Buffers from this size on are freed by hand. Left to the collector, up to 64 MB of them pile up. */
const RELEASED_BYTES = 16_384;

/** Frees a buffer that was written. */
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

/** Key of a message of which only the newest counts; undefined for all others. */
function replacementKey({ case: kind, value }: Body): Key | undefined {
  switch (kind) {
    case "ping":
      return kind;
    case "commandAck":
      return value.commandId;
    default:
      return undefined;
  }
}
