import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import {
  decode,
  type ReadMessage,
} from "../../lib/protobuf/protobuf_reader.ts";
import {
  encode,
  type WriteMessage,
} from "../../lib/protobuf/protobuf_writer.ts";
import { EDGES, mutateFields } from "../wire/fuzz/fields.ts";
import { Seeded } from "../support/seeded.ts";

/** Generated module with the code of messages. */
export type Codecs = Readonly<Record<string, unknown>>;

/** Code of one message. */
interface Codec {
  readonly make: (init?: object) => object;
  readonly read: ReadMessage<object>;
  readonly write: WriteMessage<object>;
}

/** Finds the code of a message. */
export function codecOf(all: Codecs, { name }: DescMessage): Codec {
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
    case ScalarType.DOUBLE:
      return random.pick([0, 0.5, -1e300, 2 ** 60, NaN, -Infinity]);
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
          .map((
            key,
          ) => [key, scalarOf(member.scalar ?? ScalarType.STRING, random)]),
      );
    } else {
      init[localName] = valueOf(member, random);
    }
  }
  return create(schema, init);
}

/** Message without the members that only the reference adds. */
export function plain(value: unknown): unknown {
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
export function outcomeOf(read: () => unknown): unknown {
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

/**
 * Declares tests that this codec does the same as the reference, which is @bufbuild/protobuf, for `rounds` messages of each
 * kind.
 */
export function testAgainstReference(
  schemas: readonly DescMessage[],
  codecs: Codecs,
  rounds: number,
): void {
  for (const schema of schemas) testSchema(schema, codecs, rounds);
}

function testSchema(schema: DescMessage, codecs: Codecs, rounds: number): void {
  const { make, read, write } = codecOf(codecs, schema);

  Deno.test(`${schema.name} is made, written and read as the reference does it`, () => {
    const random = new Seeded(schema.name.length * 31 + schema.fields.length);
    assertEquals(make(), plain(create(schema)));
    for (let round = 0; round < rounds; round++) {
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
    for (let round = 0; round < rounds * 3; round++) {
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
    assert(refused > 0 && refused < rounds * 3 || schema.fields.length === 0);
  });
}
