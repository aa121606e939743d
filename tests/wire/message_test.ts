import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  type Body,
  decodeMessage,
  encodeFrame,
  encodeMessage,
  TYPE_OF,
} from "../../lib/wire/message.ts";
import {
  createMessage,
  writeMessage,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { encodeFrames, joinFrames } from "../../lib/wire/frame.ts";
import { body, KINDS } from "../support/scripted_peer.ts";
import { encode } from "../../lib/protobuf/protobuf_writer.ts";

const TOO_MANY = 2n ** 53n;

/** Message whose type need not match its body. */
function bytesOf(type: number, of?: Body): Uint8Array {
  return encode(
    writeMessage,
    createMessage(of === undefined ? { type } : { type, body: of }),
  );
}

function assertViolation(bytes: Uint8Array): void {
  const error = assertThrows(() => decodeMessage(bytes), PiriError);
  assertEquals(error.code, "PROTOCOL_VIOLATION");
}

Deno.test("every kind of message survives encoding and decoding, with its number", () => {
  for (const kind of KINDS) {
    assertEquals(decodeMessage(encodeMessage(body(kind))), body(kind));
  }
  assertEquals(TYPE_OF, {
    clientHello: 10,
    serverHello: 11,
    bye: 12,
    ping: 13,
    pong: 14,
    authChallenge: 16,
    authProof: 17,
    command: 20,
    cancel: 21,
    progress: 22,
    result: 23,
    commandOutput: 24,
    commandAck: 25,
    dataRequest: 30,
    dataResponse: 31,
  });
});

Deno.test("encodeMessage() makes the bytes of the legacy protocol", () => {
  assertEquals(
    encodeMessage(body("bye", { reason: "x" })),
    // Type 12, then field 13 of the oneof: field 1 is "x".
    new Uint8Array([8, 12, 13 << 3 | 2, 3, 1 << 3 | 2, 1, 120]),
  );
  assertEquals(
    encodeMessage(body("result", { commandId: 1n, status: 2, output: "x" })),
    new Uint8Array([
      8,
      23,
      0xba,
      1,
      7,
      8,
      1,
      16,
      2,
      5 << 3 | 2,
      1,
      120,
    ]),
  );
});

Deno.test("empty bytes of a DataResponse are on the wire", () => {
  const bytes = encodeMessage(
    body("dataResponse", {
      requestId: 1n,
      ok: true,
      value: { case: "bytes", value: new Uint8Array() },
    }),
  );
  assertEquals([...bytes.slice(-2)], [0x22, 0]);
});

Deno.test("a message whose type and body differ is a violation", () => {
  for (const kind of KINDS) {
    const other = kind === "ping" ? "pong" : "ping";
    assertViolation(bytesOf(TYPE_OF[kind], body(other)));
    assertViolation(bytesOf(TYPE_OF[kind]));
  }
});

Deno.test("a message of an unknown type, or of none, is undefined", () => {
  assertEquals(decodeMessage(bytesOf(0)), undefined);
  assertEquals(decodeMessage(bytesOf(99)), undefined);
  assertEquals(decodeMessage(bytesOf(0, body("ping"))), undefined);
  assertEquals(decodeMessage(new Uint8Array()), undefined);
});

Deno.test("bytes that are not protobuf are a violation", () => {
  assertViolation(new Uint8Array([0xff, 0xff, 0xff]));
  assertViolation(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
});

const absurd: readonly Body[] = [
  body("clientHello", { session: TOO_MANY }),
  body("clientHello", { commands: [{ stdout: TOO_MANY }] }),
  body("clientHello", { commands: [{}, { stderr: TOO_MANY }] }),
  body("serverHello", { resume: [{ stdout: TOO_MANY }] }),
  body("serverHello", { resume: [{ stderr: TOO_MANY }] }),
  body("commandOutput", { offset: TOO_MANY }),
  body("commandOutput", { offset: TOO_MANY - 1n, bytes: new Uint8Array(1) }),
  body("commandOutput", { cut: TOO_MANY }),
  body("commandAck", { stdout: TOO_MANY }),
  body("commandAck", { stderr: TOO_MANY }),
  body("result", { stdoutBytes: TOO_MANY }),
  body("result", { stderrBytes: TOO_MANY }),
];
absurd.forEach((message, index) => {
  Deno.test(`a count over 2^53 - 1 is a violation: ${message.case} (${index})`, () => {
    assertViolation(encodeMessage(message));
  });
});

Deno.test("a count of 2^53 - 1 is accepted, and a nonce may be any 64 bits", () => {
  const most = TOO_MANY - 1n;
  decodeMessage(encodeMessage(body("commandAck", { stdout: most })));
  decodeMessage(encodeMessage(body("command", { nonce: 2n ** 64n - 1n })));
});

Deno.test("frames that were made one after the other are written without a copy", () => {
  const frames = [1n, 2n, 3n].map((commandId) =>
    encodeFrame(body("commandAck", { commandId }))
  );

  const joined = joinFrames(frames);

  assertEquals(joined.buffer, frames[0]?.buffer);
  const apart = joinFrames(frames.map((frame) => frame.slice()));
  assertEquals(joined, apart);
  assertEquals(joinFrames(frames.toReversed()).length, joined.length);
});

Deno.test("a frame is the same by every way of making it", () => {
  for (const size of [0, 1, 4_095, 4_096, 20_000, 65_536]) {
    const bytes = new Uint8Array(size).map((_, index) => index % 251);
    for (
      const message of [
        body("commandOutput", { commandId: 7n, stream: 2, offset: 3n, bytes }),
        body("commandOutput", { commandId: 7n, bytes, cut: 5n }),
        body("commandOutput", { commandId: -1n, offset: 2n ** 50n, bytes }),
        ...[false, true].map((more) =>
          body("dataResponse", {
            requestId: 9n,
            ok: true,
            value: { case: "bytes", value: bytes },
            more,
          })
        ),
      ]
    ) {
      assertEquals(
        encodeFrame(message),
        encodeFrames([encodeMessage(message)]),
      );
    }
  }
});
