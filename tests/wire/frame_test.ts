import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Limits } from "../../lib/base/limits.ts";
import { encodeFrames, FrameDecoder } from "../../lib/wire/frame.ts";

/** Body of this size, each byte of which depends on its place. */
function bodyOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i & 0xff);
}

/** All frames, or the error, of a decoder that gets these pieces. */
function decode(
  pieces: Iterable<Uint8Array<ArrayBuffer>>,
  decoder = new FrameDecoder(),
): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    let body = decoder.next();
    while (body !== undefined) {
      bodies.push(body.slice());
      body = decoder.next();
    }
  }
  return bodies;
}

/** Header of a frame that announces this size. */
function header(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, size);
  return bytes;
}

Deno.test("a frame is its length in four bytes, big-endian, and the body", () => {
  assertEquals(
    encodeFrames([bodyOf(3), bodyOf(0)]),
    new Uint8Array([0, 0, 0, 3, 0, 1, 2, 0, 0, 0, 0]),
  );
});

Deno.test("frames come out whole wherever their bytes are cut once", () => {
  const bodies = [bodyOf(5), bodyOf(0), bodyOf(300), bodyOf(1)];
  const bytes = encodeFrames(bodies).slice();
  for (let at = 0; at <= bytes.length; at++) {
    assertEquals(decode([bytes.slice(0, at), bytes.slice(at)]), bodies);
  }
});

Deno.test("frames come out whole when each byte arrives alone", () => {
  const bodies = [bodyOf(5), bodyOf(0), bodyOf(300), bodyOf(1)];
  const bytes = encodeFrames(bodies).slice();
  const single = Array.from(bytes, (_, at) => bytes.slice(at, at + 1));
  assertEquals(decode(single), bodies);
});

Deno.test("frames come out whole wherever their bytes are cut twice", () => {
  const bodies = [bodyOf(2), bodyOf(7)];
  const bytes = encodeFrames(bodies).slice();
  for (let one = 0; one <= bytes.length; one++) {
    for (let two = one; two <= bytes.length; two++) {
      const pieces = [
        bytes.slice(0, one),
        bytes.slice(one, two),
        bytes.slice(two),
      ];
      assertEquals(decode(pieces), bodies);
    }
  }
});

Deno.test("a body of exactly the limit is accepted, and one byte more is not", () => {
  const most = bodyOf(Limits.handshakeFrame);
  assertEquals(decode([encodeFrames([most]).slice()]), [most]);
  const error = assertThrows(
    () => decode([header(Limits.handshakeFrame + 1)]),
    PiriError,
    "the limit is 65536",
  );
  assertEquals(error.code, "PROTOCOL_VIOLATION");
});

Deno.test("a length over the limit is refused by its header, even if that arrives in pieces", () => {
  const bytes = header(0xffff_ffff);
  const single = Array.from(bytes, (_, at) => bytes.slice(at, at + 1));
  assertThrows(() => decode(single), PiriError, "4294967295");
});

Deno.test("each frame of a read is held to the limit after the frame before it", () => {
  const bytes = encodeFrames([bodyOf(10), bodyOf(200 * 1_024)]).slice();
  const decoder = new FrameDecoder();
  decoder.push(bytes);
  assertEquals(decoder.next()?.length, 10);
  decoder.limit = Limits.frame;
  assertEquals(decoder.next()?.length, 200 * 1_024);
  const strict = new FrameDecoder();
  strict.push(bytes);
  assertEquals(strict.next()?.length, 10);
  assertThrows(() => strict.next(), PiriError);
});

Deno.test("an announced length costs no memory before its bytes arrive", () => {
  const decoders = Array.from({ length: 2_000 }, () => {
    const decoder = new FrameDecoder();
    decoder.limit = Limits.frame;
    return decoder;
  });
  const before = Deno.memoryUsage();
  for (const decoder of decoders) {
    decoder.push(header(Limits.frame));
    decoder.next();
  }
  const after = Deno.memoryUsage();
  const grown = after.external - before.external + after.heapUsed -
    before.heapUsed;
  // 2,000 announcements of 1 MiB are 2 GB.
  assertEquals(grown < 20 * 1_048_576, true, `it grew by ${grown} bytes`);
  assertEquals(decoders[0]?.next(), undefined);
});

Deno.test("a large frame in small pieces is put together in about its own size", () => {
  const body = bodyOf(1_000_000);
  const bytes = encodeFrames([body]).slice();
  const decoder = new FrameDecoder();
  decoder.limit = Limits.frame;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length; at += 1_000) {
    pieces.push(bytes.slice(at, at + 1_000));
  }
  assertEquals(decode(pieces, decoder), [body]);
});

Deno.test("push() rejects bytes before the earlier ones were taken", () => {
  const decoder = new FrameDecoder();
  decoder.push(encodeFrames([bodyOf(1)]).slice());
  assertThrows(() => decoder.push(new Uint8Array(1)), TypeError);
});

Deno.test("frames can be looked at before their turn, as far as they are whole and allowed", () => {
  const decoder = new FrameDecoder();
  const bytes = encodeFrames([bodyOf(2), bodyOf(3), bodyOf(0), bodyOf(9)]);
  decoder.push(bytes.slice(0, -1));

  assertEquals(decoder.next()?.length, 2);
  assertEquals([...decoder.ahead()].map(({ length }) => length), [3, 0]);
  decoder.limit = 2;
  assertEquals([...decoder.ahead()], []);
  decoder.limit = 9;
  assertEquals([decoder.next()?.length, decoder.next()?.length], [3, 0]);
  assertEquals([...decoder.ahead()], []);
});

Deno.test("a frame within one read is borrowed from it, and one that was put together is not", () => {
  const decoder = new FrameDecoder();
  const bytes = encodeFrames([bodyOf(5), bodyOf(6)]).slice();
  decoder.push(bytes.subarray(0, 12));

  const whole = decoder.next();
  const isWholeBorrowed = decoder.isBorrowed;
  assertEquals(decoder.next(), undefined);
  decoder.push(bytes.subarray(12));
  const parts = decoder.next();
  const arePartsBorrowed = decoder.isBorrowed;
  bytes.fill(99);

  assertEquals([isWholeBorrowed, arePartsBorrowed], [true, false]);
  assertEquals(whole, new Uint8Array(5).fill(99));
  assertEquals(parts, bodyOf(6));
});
