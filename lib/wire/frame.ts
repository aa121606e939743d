/**
 * Framing: a frame is a 4-byte big-endian length, then that many bytes.
 *
 * This module knows neither sockets nor messages, so a test can feed it bytes.
 *
 * @module
 */
import { PiriError } from "../base/errors.ts";
import { Limits } from "../base/limits.ts";

export const HEADER_BYTES = 4;

const NOTHING = new Uint8Array();

/** Encodes bodies as consecutive frames in one buffer. */
export function encodeFrames(bodies: readonly Uint8Array[]): Uint8Array {
  return joinFrames(bodies.map((body) => {
    const frame = new Uint8Array(HEADER_BYTES + body.length);
    frame.set(body, HEADER_BYTES);
    return sealFrame(frame);
  }));
}

/** Writes the length into the header of a frame, and returns the frame. */
export function sealFrame<T extends Uint8Array>(frame: T): T {
  // Not by a DataView, which costs as much as all of a small message.
  const size = frame.length - HEADER_BYTES;
  frame[0] = size >>> 24;
  frame[1] = size >>> 16;
  frame[2] = size >>> 8;
  frame[3] = size;
  return frame;
}

/** Joins frames into one buffer. Frames that follow each other in memory are not copied, nor is a single one. */
export function joinFrames(frames: readonly Uint8Array[]): Uint8Array {
  const [first] = frames;
  if (first !== undefined && areAdjacent(frames)) {
    const last = frames.at(-1) ?? first;
    const end = last.byteOffset + last.length;
    return frames.length === 1 ? first : new Uint8Array(
      first.buffer,
      first.byteOffset,
      end - first.byteOffset,
    );
  }
  const all = new Uint8Array(
    frames.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const frame of frames) {
    all.set(frame, at);
    at += frame.length;
  }
  return all;
}

function areAdjacent(frames: readonly Uint8Array[]): boolean {
  return frames.every((frame, index) => {
    const former = frames[index - 1];
    return former === undefined ||
      frame.buffer === former.buffer &&
        frame.byteOffset === former.byteOffset + former.length;
  });
}

/**
 * Cuts a stream of bytes into frame bodies, one at a time: a body may change the limit for the next one. The decoder
 * cannot be used after a throw.
 */
export class FrameDecoder {
  /** Longest body that is accepted from now on, in bytes. */
  limit: number = Limits.handshakeFrame;
  /** Bytes that arrived and are not decoded yet. */
  #chunk: Uint8Array = NOTHING;
  /** Place in the chunk of the first byte that is not decoded. */
  #at = 0;
  #isBorrowed = false;
  /** A frame that began in an earlier chunk, header included. Its first `#have` bytes have arrived. */
  #partial = NOTHING;
  #have = 0;

  /** True if the body that `next` has returned is a view of the chunk. Otherwise it has memory of its own. */
  get isBorrowed(): boolean {
    return this.#isBorrowed;
  }

  /** Takes a chunk once `next` has returned undefined. The chunk must not change until it does so again. */
  push(bytes: Uint8Array): void {
    if (this.#chunk.length > 0) {
      throw new TypeError("FrameDecoder was given bytes before it was emptied");
    }
    this.#chunk = bytes;
    this.#at = 0;
  }

  /**
   * Returns the next body, or undefined if more bytes are needed. See `isBorrowed`.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION if a frame announces more than the limit, before memory is allocated.
   */
  next(): Uint8Array | undefined {
    if (this.#have === 0) {
      const whole = this.#takeWhole();
      if (whole !== undefined) return whole;
    }
    this.#fill(HEADER_BYTES);
    if (this.#have < HEADER_BYTES) return undefined;
    const end = HEADER_BYTES + this.#checkedSize(this.#partial);
    this.#fill(end);
    if (this.#have < end) return undefined;
    const body = this.#partial.subarray(HEADER_BYTES, end);
    this.#partial = NOTHING;
    this.#have = 0;
    this.#isBorrowed = false;
    return body;
  }

  /**
   * Bodies that `next` is about to return, as far as they have arrived. They are views, valid until its next call. Ends
   * before a frame that is over the limit.
   */
  *ahead(): Generator<Uint8Array> {
    if (this.#have > 0) return;
    const chunk = this.#chunk;
    let at = this.#at;
    while (chunk.length - at >= HEADER_BYTES) {
      const size = sizeOf(chunk, at);
      const start = at + HEADER_BYTES;
      at = start + size;
      if (size > this.limit || chunk.length < at) return;
      yield chunk.subarray(start, at);
    }
  }

  /** Decodes the common case: a frame within one chunk. */
  #takeWhole(): Uint8Array | undefined {
    const chunk = this.#chunk;
    const start = this.#at + HEADER_BYTES;
    if (chunk.length < start) return undefined;
    const end = start + this.#checkedSize(chunk, this.#at);
    if (chunk.length < end) return undefined;
    this.#moveTo(end);
    this.#isBorrowed = true;
    return chunk.subarray(start, end);
  }

  /** Moves on in the chunk. At its end, it is not kept in memory. */
  #moveTo(at: number): void {
    if (at === this.#chunk.length) {
      this.#chunk = NOTHING;
      this.#at = 0;
    } else this.#at = at;
  }

  /** Moves bytes from the chunk until the partial frame has `wanted` bytes or the chunk is empty. */
  #fill(wanted: number): void {
    const taken = Math.min(
      wanted - this.#have,
      this.#chunk.length - this.#at,
    );
    if (taken <= 0) return;
    const needed = this.#have + taken;
    if (needed > this.#partial.length) {
      // Grows with the bytes that arrived, not to the announced size: a silent peer costs nothing. Grows by more than
      // is needed now: a frame arrives in a few reads, and would otherwise be copied at each of them.
      const grown = new Uint8Array(Math.min(wanted, Math.max(needed * 8, 64)));
      grown.set(this.#partial.subarray(0, this.#have));
      this.#partial = grown;
    }
    const end = this.#at + taken;
    this.#partial.set(this.#chunk.subarray(this.#at, end), this.#have);
    this.#moveTo(end);
    this.#have = needed;
  }

  #checkedSize(bytes: Uint8Array, at = 0): number {
    const size = sizeOf(bytes, at);
    if (size > this.limit) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot accept a frame of ${size} bytes: the limit is ${this.limit}`,
      );
    }
    return size;
  }
}

/** Size of a body, by the header at a place where there is one. */
function sizeOf(bytes: Uint8Array, at: number): number {
  const a = bytes[at] ?? 0;
  const b = bytes[at + 1] ?? 0;
  const c = bytes[at + 2] ?? 0;
  const d = bytes[at + 3] ?? 0;
  return (a << 24 | b << 16 | c << 8 | d) >>> 0;
}
