import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode } from "../../lib/protobuf/protobuf_reader.ts";
import { encode } from "../../lib/protobuf/protobuf_writer.ts";
import * as messages from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { file_piri_agent_v1_agent } from "./gen/agent_pb.ts";
import { codecOf, outcomeOf, testAgainstReference } from "./reference.ts";

const SCHEMAS = file_piri_agent_v1_agent.messages;

testAgainstReference(SCHEMAS, messages, 600);

const pongs = codecs("Pong");

/** Pairs the reference with this codec, for one kind of message. */
function codecs(name: string) {
  const schema = SCHEMAS.find((schema) => schema.name === name);
  assert(schema !== undefined);
  const { read, write } = codecOf(messages, schema);
  return {
    reads: (bytes: Uint8Array) => [
      outcomeOf(() => decode(read, bytes)),
      outcomeOf(() => fromBinary(schema, bytes)),
    ],
    write,
    refuses: (value: Record<string, unknown>) => {
      const message = create(schema, value);
      assertThrows(() => encode(write, message), TypeError, "Cannot write");
      assertThrows(() => toBinary(schema, message));
    },
  };
}

/** Nested groups of an unknown field, of this depth. */
function groups(depth: number): Uint8Array {
  return new Uint8Array(depth * 2).fill(0x7b, 0, depth).fill(0x7c, depth);
}

Deno.test("unknown groups are skipped, 99 deep and no deeper", () => {
  const empty = { data: 0 };
  assertEquals(pongs.reads(groups(99)), [empty, empty]);
  assertEquals(pongs.reads(groups(100)), ["refused", "refused"]);
  assertEquals(pongs.reads(groups(2).subarray(0, 3)), ["refused", "refused"]);
  assertEquals(pongs.reads(new Uint8Array([0x7b, 0x84, 1])), [
    "refused",
    "refused",
  ]);
});

Deno.test("a varint of ten bytes is read, and one of eleven is not", () => {
  const long = (length: number) =>
    new Uint8Array([8, ...new Array<number>(length - 1).fill(0xff), 1]);
  assertEquals(pongs.reads(long(10)), [{ data: -1 }, { data: -1 }]);
  assertEquals(pongs.reads(long(11)), ["refused", "refused"]);
});

Deno.test("the last of several values of a scalar field counts, and messages are merged", () => {
  const { reads } = codecs("CommandResult");
  const merged = [8, 1, 8, 2, 0x6a, 2, 8, 5, 0x6a, 3, 0x12, 1, 7];
  const [ours, theirs] = reads(new Uint8Array(merged));
  assertEquals(ours, theirs);
  assertEquals(
    ours,
    messages.createCommandResult({
      commandId: 2n,
      reaped: { signalled: 5, alive: [7] },
    }),
  );
});

Deno.test("text that is not UTF-8 is refused at every length", () => {
  const { reads } = codecs("Bye");
  for (const length of [1, 40, 200]) {
    const text = new Array<number>(length - 1).fill(120);
    const size = length < 128 ? [length] : [length & 127 | 128, length >> 7];
    const bytes = new Uint8Array([10, ...size, ...text, 0xff]);
    assertEquals(reads(bytes), ["refused", "refused"]);
  }
});

Deno.test("a length beyond the end is refused before memory is allocated", () => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
  for (
    const [name, tag] of [["Bye", 10], ["CommandOutput", 34], ["Reaped", 18], [
      "ClientHello",
      50,
    ], ["Pong", 82]] as const
  ) {
    const { reads } = codecs(name);
    assertEquals(reads(new Uint8Array([tag, ...huge])), ["refused", "refused"]);
  }
});

Deno.test("numbers that do not fit are not written", () => {
  pongs.refuses({ data: 2 ** 31 });
  pongs.refuses({ data: 0.5 });
  codecs("CommandProgress").refuses({ current: 2 ** 32 });
  codecs("CommandProgress").refuses({ total: -1 });
  codecs("Command").refuses({ commandId: 2n ** 63n });
  codecs("Command").refuses({ nonce: -1n });
  codecs("CommandAck").refuses({ stdout: 2n ** 64n });
});

Deno.test("the bytes of a message are a view of its frame", () => {
  const value = messages.createCommandOutput({ bytes: new Uint8Array(9) });
  const frame = encode(messages.writeCommandOutput, value).slice();

  const read = decode(messages.readCommandOutput, frame);
  assertEquals(read.bytes.buffer, frame.buffer);
  frame.fill(7, read.bytes.byteOffset, read.bytes.byteOffset + 9);
  assertEquals(read.bytes, new Uint8Array(9).fill(7));
});

Deno.test("the bytes of a message are copied from a frame that is only borrowed", () => {
  const value = messages.createCommandOutput({ bytes: new Uint8Array(9) });
  const frame = encode(messages.writeCommandOutput, value).slice();

  const read = decode(messages.readCommandOutput, frame, { isBorrowed: true });
  frame.fill(7);
  assertEquals(read.bytes, new Uint8Array(9));
});

Deno.test("messages that share memory stay as they are while others are written", () => {
  const sizes = [1, 600, 3, 5_000, 40, 9_000, 200, 511, 512, 8_100, 2];
  const written = [...sizes, ...sizes, ...sizes].map((size) => {
    const value = messages.createBye({ reason: "y".repeat(size) });
    const options = { room: 4, sharesMemory: true };
    const bytes = encode(messages.writeBye, value, options).fill(9, 0, 4);
    return { value, bytes, copy: bytes.slice() };
  });

  for (const { value, bytes, copy } of written) {
    assertEquals(bytes, copy);
    assertEquals(decode(messages.readBye, bytes.subarray(4)), value);
  }
});

Deno.test("a written message stays as it is while others are written", () => {
  const big = messages.createCommandOutput({ bytes: new Uint8Array(65_536) });
  const one = encode(messages.writePong, { data: 1 });
  const two = encode(messages.writeCommandOutput, big);
  const copies = [one.slice(), two.slice()];
  encode(messages.writePong, { data: -7 });
  encode(messages.writeBye, messages.createBye({ reason: "y".repeat(9_000) }));

  assertEquals([one, two], copies);
  // A message holds little more memory than its bytes.
  assert(one.buffer.byteLength === one.length);
  assert(two.buffer.byteLength < two.length + 4_096);
});
