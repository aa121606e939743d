import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import {
  decode,
  type ReadMessage,
} from "../../lib/protobuf/protobuf_reader.ts";
import {
  encode,
  type WriteMessage,
} from "../../lib/protobuf/protobuf_writer.ts";
import * as messages from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { file_piri_agent_v1_agent } from "./gen/agent_pb.ts";
import { EDGES, mutateFields } from "../wire/fuzz/fields.ts";
import { Seeded } from "../support/seeded.ts";

/** The reference is @bufbuild/protobuf: this codec must do the same. */
const SCHEMAS = file_piri_agent_v1_agent.messages;

/** Number of messages of each kind to try. */
const ROUNDS = 600;

function codecOf({ name }: DescMessage) {
  const all: Readonly<Record<string, unknown>> = messages;
  return {
    make: all[`create${name}`] as (init?: object) => object,
    read: all[`read${name}`] as ReadMessage<object>,
    write: all[`write${name}`] as WriteMessage<object>,
  };
}

const TEXTS = [
  "",
  "x",
  "web-1",
  "a text of more than thirty-two characters, all ASCII",
  "é",
  "\u{1f600} and \u0000 and \ufeff",
  "\ufeffbegins with a byte order mark",
  "half a pair \ud800 of surrogates",
  "ä".repeat(63),
  "ä".repeat(64),
  "x".repeat(127),
  "x".repeat(128),
  "€".repeat(6_000),
  "x".repeat(16_384),
];

function scalarOf(type: ScalarType, random: Seeded): unknown {
  const edge = random.pick(EDGES);
  const number = Number(edge & 0xffff_ffffn) >>> random.below(32);
  switch (type) {
    case ScalarType.STRING:
      return random.pick(TEXTS);
    case ScalarType.BYTES:
      return random.bytes(random.pick([0, 1, 127, 128, 5_000, 20_000]));
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.UINT32:
      return number;
    case ScalarType.INT32:
      return number | 0;
    case ScalarType.INT64:
      return BigInt.asIntN(64, edge);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return edge;
    default:
      throw new TypeError(`nothing is known of type ${type}`);
  }
}

function valueOf(field: DescField, random: Seeded): unknown {
  if (field.message !== undefined) return initOf(field.message, random);
  if (field.enum !== undefined) {
    return random.pick([0, 1, 2, 99, -1, -(2 ** 31)]);
  }
  return scalarOf(field.scalar ?? ScalarType.BOOL, random);
}

/** Draws some of the fields of a message. */
function initOf(schema: DescMessage, random: Seeded): Message {
  const init: Record<string, unknown> = {};
  for (const member of schema.members) {
    if (random.chance(0.3)) continue;
    const { localName } = member;
    if (member.kind === "oneof") {
      const field = random.pick(member.fields);
      init[localName] = {
        case: field.localName,
        value: valueOf(field, random),
      };
    } else if (member.fieldKind === "list") {
      init[localName] = Array.from(
        { length: random.below(4) },
        () => valueOf(member, random),
      );
    } else if (member.fieldKind === "map") {
      init[localName] = Object.fromEntries(
        [...TEXTS.slice(0, random.below(5)), "__proto__"]
          .map((key) => [key, random.pick(TEXTS)]),
      );
    } else {
      init[localName] = valueOf(member, random);
    }
  }
  return create(schema, init);
}

/** Message without the members that only the reference adds. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "$typeName" && key !== "$unknown")
      .map(([key, part]) => [key, plain(part)]),
  );
}

/** Result of reading, or "refused" if it failed. */
function outcomeOf(read: () => unknown): unknown {
  try {
    return plain(read());
  } catch {
    return "refused";
  }
}

/** Damages bytes. */
function spoilt(
  bytes: Uint8Array,
  other: Uint8Array,
  random: Seeded,
): Uint8Array {
  const at = random.below(bytes.length + 1);
  switch (random.below(7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return concat([bytes, other]);
    case 2: {
      const copy = bytes.slice();
      for (let count = 0; count < random.pick([1, 1, 2, 8]); count++) {
        const place = random.below(Math.min(copy.length, 200));
        copy[place] = (copy[place] ?? 0) ^ (1 << random.below(8));
      }
      return copy;
    }
    case 3:
      return concat([
        bytes.subarray(0, at),
        random.bytes(random.below(12)),
        bytes.subarray(at),
      ]);
    case 4:
      return concat([bytes.subarray(0, at), other, bytes.subarray(at)]);
    case 5:
      return random.bytes(random.below(40));
    default:
      return mutateFields(bytes, random);
  }
}

for (const schema of SCHEMAS) {
  const { make, read, write } = codecOf(schema);

  Deno.test(`${schema.name} is made, written and read as the reference does it`, () => {
    const random = new Seeded(schema.name.length * 31 + schema.fields.length);
    assertEquals(make(), plain(create(schema)));
    for (let round = 0; round < ROUNDS; round++) {
      const message = initOf(schema, random);
      const bytes = toBinary(schema, message);
      const ours = plain(message) as object;

      assertEquals(make(ours), ours);
      assertEquals(encode(write, ours), bytes);
      assertEquals(decode(read, bytes), plain(fromBinary(schema, bytes)));
    }
  });

  Deno.test(`${schema.name} with damage is read, or refused, as the reference does it`, () => {
    const random = new Seeded(schema.name.length * 37 + schema.fields.length);
    let refused = 0;
    for (let round = 0; round < ROUNDS * 3; round++) {
      const bytes = spoilt(
        toBinary(schema, initOf(schema, random)),
        toBinary(schema, initOf(schema, random)),
        random,
      );
      const expected = outcomeOf(() => fromBinary(schema, bytes));
      // The message lies between other bytes, none of which the reader may touch.
      const around = concat([random.bytes(3), bytes, random.bytes(30)]);
      const frame = around.subarray(3, 3 + bytes.length);

      assertEquals(outcomeOf(() => decode(read, frame)), expected);
      if (expected === "refused") refused++;
    }
    assert(refused > 0 && refused < ROUNDS * 3);
  });
}

const pongs = codecs("Pong");

/** Pairs the reference with this codec, for one kind of message. */
function codecs(name: string) {
  const schema = SCHEMAS.find((schema) => schema.name === name);
  assert(schema !== undefined);
  const { read, write } = codecOf(schema);
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
