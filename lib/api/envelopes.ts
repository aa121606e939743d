import { Disconnected, PiriError } from "../base/errors.ts";

/** Size of the header of each message in a stream: flags and length (connectrpc.com/docs/protocol). */
export const ENVELOPE_BYTES = 5;

/** Type of requests and answers of a stream. */
export const STREAM_TYPE = "application/connect+proto";

/** Flag of a compressed message. No client of ours asks for one. */
const COMPRESSED = 1;

/** Flag of the last message of a stream, which is JSON. */
export const END_STREAM = 2;

/** One message of a stream. */
export interface Envelope {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

/** The message with its header. */
export function enveloped(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const envelope = new Uint8Array(ENVELOPE_BYTES + message.length);
  envelope.set(message, ENVELOPE_BYTES);
  return withHeader(envelope);
}

/** The same bytes, with a header in the room that was left for it in front of the message. */
export function withHeader(
  envelope: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = envelope;
  new DataView(buffer, byteOffset).setUint32(1, length - ENVELOPE_BYTES);
  return envelope;
}

/**
 * Reads the messages of a stream. Their bytes are parts of the given ones where one part has them whole.
 *
 * @throws {PiriError} PROTOCOL_VIOLATION for a message over `most` bytes
 * @throws {Disconnected} if the stream ends within a message
 */
export async function* readEnvelopes(
  body: AsyncIterable<Uint8Array>,
  most: number,
): AsyncGenerator<Envelope> {
  const parts = new Parts(body);
  for (;;) {
    const header = await parts.take(ENVELOPE_BYTES);
    if (header === undefined) return;
    const [flags = 0] = header;
    const length = new DataView(header.buffer, header.byteOffset).getUint32(1);
    if (length > most || (flags & COMPRESSED) !== 0) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        length > most
          ? `Cannot read the Manager's answer: a message has ${length} bytes, and at most ${most} are taken`
          : "Cannot read the Manager's answer: a message is compressed",
      );
    }
    const bytes = await parts.take(length);
    if (bytes === undefined) throw cutShort();
    yield { flags, bytes };
  }
}

/** Bytes that come in parts, taken in other parts. */
class Parts {
  readonly #source: AsyncIterator<Uint8Array>;
  #part: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#source = body[Symbol.asyncIterator]();
  }

  /**
   * Takes the next bytes; undefined if nothing is left.
   *
   * @throws {Disconnected} if fewer are left
   */
  async take(length: number): Promise<Uint8Array | undefined> {
    if (length <= this.#part.length - this.#at) return this.#next(length);
    const whole = new Uint8Array(length);
    for (let had = 0; had < length;) {
      if (this.#at === this.#part.length) {
        const { done, value } = await this.#source.next();
        if (done && had === 0) return undefined;
        if (done) throw cutShort();
        this.#part = value;
        this.#at = 0;
        if (had === 0 && length <= value.length) return this.#next(length);
      }
      const some = this.#next(
        Math.min(length - had, this.#part.length - this.#at),
      );
      whole.set(some, had);
      had += some.length;
    }
    return whole;
  }

  #next(length: number): Uint8Array {
    const start = this.#at;
    this.#at += length;
    return this.#part.subarray(start, this.#at);
  }
}

/** Error of a stream that has not come to its end. */
export function cutShort(): Disconnected {
  return new Disconnected("Cannot reach the Manager: its answer ended early");
}
