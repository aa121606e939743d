/** Size of the buffers that are used again. */
const BUFFER_BYTES = 262_144;

/** Most buffers that wait to be used again. */
const MAX_WAITING = 16;

/**
 * Buffers that go to another thread with bytes and come back without them. New ones for each piece would be as much work
 * for the system, which clears them, and for the garbage collector as the pieces themselves.
 */
export class BufferPool {
  readonly #waiting: ArrayBuffer[] = [];

  /** Joins bytes, in a buffer that was used before if they fit into one. */
  joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const bytes = this.#room(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Takes a buffer back. Nobody may use it any more. */
  giveBack(buffer: ArrayBuffer): void {
    if (isReusable(buffer) && this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(buffer);
    }
  }

  #room(size: number): Uint8Array<ArrayBuffer> {
    // A short piece is cheaper than the way of a buffer there and back.
    if (size > BUFFER_BYTES || size < BUFFER_BYTES / 8) {
      return new Uint8Array(size);
    }
    const buffer = this.#waiting.pop() ?? new ArrayBuffer(BUFFER_BYTES);
    return new Uint8Array(buffer, 0, size);
  }
}

/** True for a buffer of the size that is used again. */
export function isReusable({ byteLength }: ArrayBuffer): boolean {
  return byteLength === BUFFER_BYTES;
}
