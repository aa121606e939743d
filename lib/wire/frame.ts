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
  new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES)
    .setUint32(0, frame.length - HEADER_BYTES);
  return frame;
}

/** Joins frames into one buffer. A single frame is not copied. */
export function joinFrames(frames: readonly Uint8Array[]): Uint8Array {
  const [only] = frames;
  if (frames.length === 1 && only !== undefined) return only;
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

/**
 * Cuts a stream of bytes into frame bodies, one at a time: a body may change the limit for the next one. The decoder
 * cannot be used after a throw.
 */
export class FrameDecoder {
  /** Longest body that is accepted from now on, in bytes. */
  limit: number = Limits.handshakeFrame;
  /** Bytes that arrived and are not decoded yet. */
  #chunk: Uint8Array = NOTHING;
  /** A frame that began in an earlier chunk, header included. Its first `#have` bytes have arrived. */
  #partial = NOTHING;
  #have = 0;

  /** Takes a chunk once `next` has returned undefined. The chunk must not change until it does so again. */
  push(bytes: Uint8Array): void {
    if (this.#chunk.length > 0) {
      throw new TypeError("FrameDecoder was given bytes before it was emptied");
    }
    this.#chunk = bytes;
  }

  /**
   * Returns the next body, in a buffer of its own, or undefined if more bytes are needed.
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
    return body;
  }

  /**
   * Bodies that `next` is about to return, as far as they have arrived. They are views, valid until its next call. Ends
   * before a frame that is over the limit.
   */
  *ahead(): Generator<Uint8Array> {
    let rest = this.#have === 0 ? this.#chunk : NOTHING;
    while (rest.length >= HEADER_BYTES) {
      const size = sizeOf(rest);
      const end = HEADER_BYTES + size;
      if (size > this.limit || rest.length < end) return;
      yield rest.subarray(HEADER_BYTES, end);
      rest = rest.subarray(end);
    }
  }

  /** Decodes the common case: a frame within one chunk. */
  #takeWhole(): Uint8Array | undefined {
    const chunk = this.#chunk;
    if (chunk.length < HEADER_BYTES) return undefined;
    const end = HEADER_BYTES + this.#checkedSize(chunk);
    if (chunk.length < end) return undefined;
    // An empty subarray would keep the whole chunk in memory.
    this.#chunk = end === chunk.length ? NOTHING : chunk.subarray(end);
    return chunk.slice(HEADER_BYTES, end);
  }

  /** Moves bytes from the chunk until the partial frame has `wanted` bytes or the chunk is empty. */
  #fill(wanted: number): void {
    const taken = Math.min(wanted - this.#have, this.#chunk.length);
    if (taken <= 0) return;
    const needed = this.#have + taken;
    if (needed > this.#partial.length) {
      // Grows with the bytes that arrived, not to the announced size: a silent peer costs nothing. Grows by more than
      // is needed now: a frame arrives in a few reads, and would otherwise be copied at each of them.
      const grown = new Uint8Array(Math.min(wanted, Math.max(needed * 4, 64)));
      grown.set(this.#partial.subarray(0, this.#have));
      this.#partial = grown;
    }
    this.#partial.set(this.#chunk.subarray(0, taken), this.#have);
    this.#chunk = taken === this.#chunk.length
      ? NOTHING
      : this.#chunk.subarray(taken);
    this.#have = needed;
  }

  #checkedSize(bytes: Uint8Array): number {
    const size = sizeOf(bytes);
    if (size > this.limit) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot accept a frame of ${size} bytes: the limit is ${this.limit}`,
      );
    }
    return size;
  }
}

/** Size of a body, by its header. */
function sizeOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}
