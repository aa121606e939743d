import { Buffer } from "node:buffer";

/** Turns a stream of bytes into text, piece by piece, and back. */
export interface TextCodec {
  /** Text of a piece, without an incomplete character at its end. */
  decode(bytes: Uint8Array): string;
  /** Text of what was left, once no more follows. */
  end(): string;
  encode(text: string): Uint8Array;
  /** Text of this program, in a form that `encode` makes UTF-8 of. */
  own(text: string): string;
}

const encoder = new TextEncoder();

/** Text for people: UTF-8, with U+FFFD for what is invalid. */
export function utf8Codec(): TextCodec {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    decode: (bytes) => decoder.decode(bytes, { stream: true }),
    end: () => decoder.decode(),
    encode: (text) => encoder.encode(text),
    own: (text) => text,
  };
}

/** Text with one character a byte, so that `encode` gives the bytes exactly. */
export function byteCodec(): TextCodec {
  return {
    decode: byteText,
    end: () => "",
    encode: (text) => Buffer.from(text, "latin1"),
    own: (text) => byteText(encoder.encode(text)),
  };
}

function byteText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString("latin1");
}
