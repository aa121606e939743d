import { assertEquals, assertRejects } from "@std/assert";
import { enveloped, readEnvelopes } from "../../lib/api/envelopes.ts";
import { Disconnected, PiriError } from "../../lib/base/errors.ts";
import { all } from "../support/control.ts";

const MESSAGES = [
  new Uint8Array(),
  new Uint8Array([1]),
  Uint8Array.from({ length: 300 }, (_, index) => index % 256),
  new Uint8Array(),
  new Uint8Array([2, 3]),
];

const STREAM = joined(MESSAGES.map((message) => enveloped(message)));

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Cuts bytes into parts of this length. */
function inParts(bytes: Uint8Array, length: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) {
    parts.push(bytes.subarray(at, at + length));
  }
  return parts;
}

function read(parts: readonly Uint8Array[], most = 1_000) {
  return all(readEnvelopes(ReadableStream.from(parts), most));
}

Deno.test("messages of a stream are read wherever it is cut, also with empty parts", async () => {
  const expected = MESSAGES.map((bytes) => ({ flags: 0, bytes }));
  for (let length = 1; length <= STREAM.length; length++) {
    const parts = inParts(STREAM, length)
      .flatMap((part) => [part, new Uint8Array()]);

    assertEquals(await read(parts), expected, `parts of ${length} bytes`);
  }
});

Deno.test("a message that came whole is not copied", async () => {
  const [first] = await read([enveloped(new Uint8Array([1, 2]))]);

  assertEquals(first?.bytes.byteOffset, 5);
});

Deno.test("a stream that ends within a header or a message is a lost connection", async () => {
  const whole = enveloped(new Uint8Array([1, 2, 3]));
  for (let length = 1; length < whole.length; length++) {
    const error = await assertRejects(
      () => read([whole.subarray(0, length)]),
      Disconnected,
    );

    assertEquals(
      error.message,
      "Cannot reach the Manager: its answer ended early",
    );
  }
});

Deno.test("a message over the limit is refused before memory is allocated", async () => {
  const huge = new Uint8Array([0, 0xff, 0xff, 0xff, 0xff]);

  const error = await assertRejects(() => read([huge]), PiriError);

  assertEquals(
    error.message,
    "Cannot read the Manager's answer: a message has 4294967295 bytes, and at most 1000 are taken",
  );
});

Deno.test("a compressed message is refused, as none was asked for", async () => {
  const packed = enveloped(new Uint8Array([1])).fill(1, 0, 1);

  const error = await assertRejects(() => read([packed]), PiriError);

  assertEquals(
    [error.code, error.message],
    [
      "PROTOCOL_VIOLATION",
      "Cannot read the Manager's answer: a message is compressed",
    ],
  );
});
