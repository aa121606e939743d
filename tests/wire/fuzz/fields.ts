/**
 * Protobuf below its schema: fields in their encoded form, and damage to them.
 *
 * @module
 */
import { concat } from "@std/bytes/concat";
import type { Seeded } from "../../support/seeded.ts";

/** A field in its encoded form: https://protobuf.dev/programming-guides/encoding/ */
interface Field {
  readonly number: number;
  readonly wire: number;
  readonly value: bigint | Uint8Array;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const MAX_U64 = 2n ** 64n - 1n;

/** Numbers at the limits of number types. */
export const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  MAX_U64 - 1n,
  MAX_U64,
];

const encoder = new TextEncoder();

/** Content that is no text, or strange text. */
const STRANGE: readonly Uint8Array[] = [
  new Uint8Array(),
  new Uint8Array([0xff, 0xfe]),
  // A lone surrogate, and an overlong slash.
  new Uint8Array([0xed, 0xa0, 0x80]),
  new Uint8Array([0xc0, 0xaf]),
  encoder.encode("\0"),
  encoder.encode("__proto__"),
  encoder.encode("../../../etc/passwd"),
  encoder.encode("{"),
  encoder.encode('{"__proto__":{"errorCode":"OK"}}'),
  encoder.encode("\u{1f4a5}\u202e\r\n\x1b[2J"),
];

/** Fields of a message, or undefined if the bytes are no message. */
function readFields(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    if (tag === undefined) return undefined;
    const number = Number(tag.value >> 3n);
    const wire = Number(tag.value & 7n);
    at = tag.end;
    if (number === 0) return undefined;
    if (wire === VARINT) {
      const varint = readVarint(bytes, at);
      if (varint === undefined) return undefined;
      fields.push({ number, wire, value: varint.value });
      at = varint.end;
      continue;
    }
    const size = wire === FIXED64
      ? { value: 8n, end: at }
      : wire === FIXED32
      ? { value: 4n, end: at }
      : wire === BYTES
      ? readVarint(bytes, at)
      : undefined;
    if (size === undefined) return undefined;
    const end = size.end + Number(size.value);
    if (end > bytes.length) return undefined;
    fields.push({ number, wire, value: bytes.subarray(size.end, end) });
    at = end;
  }
  return fields;
}

function readVarint(
  bytes: Uint8Array,
  from: number,
): { value: bigint; end: number } | undefined {
  let value = 0n;
  for (let at = from; at < from + 10; at++) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - from));
    if (byte < 0x80) return { value: value & MAX_U64, end: at + 1 };
  }
  return undefined;
}

/** Bytes of a varint, `padded` to this length, which no encoder does. */
function varint(value: bigint, padded = 0): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n || bytes.length + 1 < padded) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return new Uint8Array([...bytes, Number(rest)]);
}

function writeField({ number, wire, value }: Field): Uint8Array {
  const tag = varint(BigInt(number) << 3n | BigInt(wire));
  if (typeof value === "bigint") return concat([tag, varint(value)]);
  return wire === BYTES
    ? concat([tag, varint(BigInt(value.length)), value])
    : concat([tag, value]);
}

/** Damages one field of a message, at any depth. */
export function mutateFields(bytes: Uint8Array, random: Seeded): Uint8Array {
  const fields = readFields(bytes);
  if (fields === undefined || fields.length === 0) {
    return concat([bytes, strangeField(random)]);
  }
  const index = random.below(fields.length);
  const pieces = fields.map(writeField);
  const victim = fields[index];
  const piece = pieces[index];
  if (victim === undefined || piece === undefined) return bytes;
  switch (random.below(8)) {
    case 0:
      pieces.splice(index, 1);
      break;
    case 1:
      pieces.splice(index, 0, ...repeated(piece, random));
      break;
    case 2:
      pieces.push(...pieces.splice(index, 1));
      break;
    case 3:
      pieces.splice(random.below(pieces.length + 1), 0, strangeField(random));
      break;
    case 4:
      pieces[index] = writeField({
        ...victim,
        number: random.pick([victim.number + 1, 1, 15, 16, 2 ** 29 - 1]),
      });
      break;
    default:
      pieces[index] = changed(victim, random);
  }
  return concat(pieces);
}

function repeated(piece: Uint8Array, random: Seeded): Uint8Array[] {
  const most = Math.max(1, Math.floor(60_000 / (piece.length + 1)));
  const count = Math.min(most, random.pick([1, 1, 2, 10, 1_001, 20_000]));
  return new Array<Uint8Array>(count).fill(piece);
}

function changed(field: Field, random: Seeded): Uint8Array {
  const { number, wire, value } = field;
  const tag = varint(BigInt(number) << 3n | BigInt(wire));
  if (typeof value === "bigint") {
    const other = random.chance(0.8)
      ? random.pick(EDGES)
      : BigInt(random.below(300));
    return concat([tag, varint(other, random.chance(0.05) ? 11 : 0)]);
  }
  if (wire !== BYTES) {
    return concat([tag, random.bytes(random.chance(0.8) ? value.length : 2)]);
  }
  if (random.chance(0.6) && readFields(value)?.length) {
    return writeField({ number, wire, value: mutateFields(value, random) });
  }
  if (random.chance(0.15)) {
    // A wrong length.
    const length = random.chance(0.5)
      ? random.pick(EDGES)
      : BigInt(random.below(value.length + 9));
    return concat([tag, varint(length), value]);
  }
  return writeField({ number, wire, value: otherContent(value, random) });
}

function otherContent(value: Uint8Array, random: Seeded): Uint8Array {
  switch (random.below(5)) {
    case 0:
      return value.subarray(0, random.below(value.length + 1));
    case 1:
      return random.bytes(random.below(40));
    case 2:
      return new Uint8Array(random.pick([101, 5_000, 17_000, 60_000, 130_000]))
        .fill(random.pick([0x61, 0x20, 0x30, 0]));
    case 3:
      return concat([value, random.pick(STRANGE)]);
    default:
      return random.pick(STRANGE);
  }
}

/** A field that is not in the schema, of a wire type that may not exist. */
function strangeField(random: Seeded): Uint8Array {
  const number = random.pick([1, 2, 5, 12, 16, 99, 1_000, 2 ** 29 - 1]);
  const wire = random.below(8);
  return concat([
    varint(BigInt(number) << 3n | BigInt(wire)),
    random.chance(0.5)
      ? varint(random.pick(EDGES))
      : random.bytes(random.below(12)),
  ]);
}
