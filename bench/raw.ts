import { PiriError } from "../lib/base/errors.ts";

/** A message of this size: its number, and bytes that tell the two sides apart. */
export class RawMessage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #fill: number;

  constructor(size: number, fill: number) {
    this.bytes = new Uint8Array(size).fill(fill);
    this.#fill = fill;
  }

  /** Sets the number of the message. */
  set number(number: number) {
    this.bytes[0] = number & 0xff;
  }

  /** Checks every byte of a received message. Throws INTERNAL. */
  check(came: Uint8Array, number: number): void {
    let isRight = came[0] === (number & 0xff);
    for (let i = 1; i < came.length; i++) {
      isRight &&= came[i] === this.#fill;
    }
    if (isRight) return;
    throw new PiriError(
      "INTERNAL",
      `Cannot measure: message ${number} came back with other bytes`,
    );
  }
}

/** Writes all bytes. A message is small and takes one call. */
export async function writeWhole(
  conn: Deno.TlsConn,
  bytes: Uint8Array,
): Promise<void> {
  let at = await conn.write(bytes);
  while (at < bytes.length) at += await conn.write(bytes.subarray(at));
}

/** Fills the buffer, and reads no bytes beyond it. */
export async function readExactly(
  conn: Deno.TlsConn,
  buffer: Uint8Array,
): Promise<void> {
  for (let at = 0; at < buffer.length;) {
    const read = await conn.read(at === 0 ? buffer : buffer.subarray(at));
    if (read === null) throw new Deno.errors.UnexpectedEof("the peer hung up");
    at += read;
  }
}
