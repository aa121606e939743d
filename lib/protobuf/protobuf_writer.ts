/** Writes the fields of one message. */
export type WriteMessage<T> = (writer: ProtobufWriter, message: T) => void;

/** Size of the memory that small messages share. */
const POOL_BYTES = 8_192;

/** Rest of the pool with which another one is begun. Most messages fit into it. */
const REST_BYTES = 512;

/** Most bytes that a number takes, tag included. */
const NUMBER_BYTES = 15;

/** Length up to which a string is likely to be plain ASCII; then encoding by hand is faster. */
const SHORT = 64;

const TWO_32 = 2 ** 32;

/** Mask of the lower half of 64 bits. */
const LOW = 0xffff_ffffn;

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

const utf8 = new TextEncoder();

/** Memory of which each small message gets its own part. No part is used twice. */
let pool: Uint8Array<ArrayBuffer> = new Uint8Array();
let used = 0;

/**
 * Encodes a message: fields ordered by number, without those that have their default. The bytes begin after `room` free
 * bytes, which the caller fills. With `sharesMemory`, a small message is a part of larger memory: for messages that are
 * not kept for long.
 */
export function encode<T>(
  write: WriteMessage<T>,
  message: T,
  { room = 0, sharesMemory = false }: {
    readonly room?: number;
    readonly sharesMemory?: boolean;
  } = {},
): Uint8Array<ArrayBuffer> {
  if (pool.length - used < REST_BYTES) {
    pool = new Uint8Array(POOL_BYTES);
    used = 0;
  }
  shared.begin(pool, used, room);
  write(shared, message);
  const bytes = shared.finish();
  if (bytes.buffer === pool.buffer) {
    if (!sharesMemory) return bytes.slice();
    used += bytes.length;
  } else if (bytes.length < REST_BYTES) {
    // It only met the end of the pool.
    used = pool.length;
  }
  return bytes;
}

/**
 * Writes protobuf fields one after the other. A `tag` is a field's number and, in the last three bits, its wire type.
 */
export class ProtobufWriter {
  #bytes: Uint8Array<ArrayBuffer> = pool;
  #start = 0;
  #at = 0;

  /** Begins another message, behind `room` free bytes. It is written to `bytes` from `start` on if it fits. */
  begin(bytes: Uint8Array<ArrayBuffer>, start: number, room: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start + room;
  }

  /** Returns all written bytes, in memory that nobody else writes to, and forgets them. */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    const isPooled = bytes === pool;
    this.#bytes = pool;
    const length = this.#at - this.#start;
    // Memory that was made for this message alone and is nearly full is returned without a copy.
    return isPooled || bytes.length - length < POOL_BYTES / 2
      ? bytes.subarray(this.#start, this.#at)
      : bytes.slice(this.#start, this.#at);
  }

  uint32(tag: number, value: number): void {
    this.#room(NUMBER_BYTES);
    this.#varint(tag);
    this.#uint32(value);
  }

  int32(tag: number, value: number): void {
    this.#room(NUMBER_BYTES);
    this.#varint(tag);
    this.#int32(value);
  }

  bool(tag: number, value: boolean): void {
    this.uint32(tag, value ? 1 : 0);
  }

  uint64(tag: number, value: bigint): void {
    this.#number64(tag, value, BigInt.asUintN(64, value) === value);
  }

  int64(tag: number, value: bigint): void {
    this.#number64(tag, value, BigInt.asIntN(64, value) === value);
  }

  fixed64(tag: number, value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) throw cannotWrite(value, "uint64");
    this.#room(NUMBER_BYTES);
    this.#varint(tag);
    this.#fixed32(Number(value & LOW));
    this.#fixed32(Number(value >> 32n));
  }

  double(tag: number, value: number): void {
    this.#room(NUMBER_BYTES);
    this.#varint(tag);
    const { buffer, byteOffset } = this.#bytes;
    new DataView(buffer).setFloat64(byteOffset + this.#at, value, true);
    this.#at += 8;
  }

  bytes(tag: number, value: Uint8Array): void {
    this.#room(NUMBER_BYTES + value.length);
    this.#varint(tag);
    this.#varint(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  string(tag: number, value: string): void {
    // A UTF-16 unit takes at most 3 bytes.
    this.#room(NUMBER_BYTES + value.length * 3);
    this.#varint(tag);
    if (value.length <= SHORT && this.#ascii(value)) return;
    // Most text is ASCII, so the room for the length is chosen as if this text were.
    const guess = sizeOf(value.length);
    const start = this.#at;
    const { written } = utf8.encodeInto(
      value,
      this.#bytes.subarray(start + guess),
    );
    this.#prefix(start, { room: guess, length: written });
  }

  message<T>(tag: number, write: WriteMessage<T>, value: T): void {
    const start = this.#begin(tag);
    write(this, value);
    this.#end(start);
  }

  /** Writes all numbers of a list as one field; nothing if the list is empty. */
  uint32s(tag: number, values: readonly number[]): void {
    this.#numbers(tag, values, (value) => this.#uint32(value));
  }

  /** Writes signed numbers as `uint32s` writes others. */
  int32s(tag: number, values: readonly number[]): void {
    this.#numbers(tag, values, (value) => this.#int32(value));
  }

  /** Writes 64-bit numbers as `uint32s` writes 32-bit ones. */
  int64s(tag: number, values: readonly bigint[]): void {
    this.#numbers(
      tag,
      values,
      (value) => this.#bits64(value, BigInt.asIntN(64, value) === value),
    );
  }

  /** Writes a map from text to text. */
  stringMap(tag: number, map: { readonly [key: string]: string }): void {
    this.#map(tag, map, (value) => this.string(2 << 3 | 2, value));
  }

  /** Writes a map from text to numbers of 64 bits. */
  uint64Map(tag: number, map: { readonly [key: string]: bigint }): void {
    this.#map(tag, map, (value) => this.uint64(2 << 3, value));
  }

  #numbers<T>(
    tag: number,
    values: readonly T[],
    write: (value: T) => void,
  ): void {
    if (values.length === 0) return;
    const start = this.#begin(tag);
    for (const value of values) {
      this.#room(NUMBER_BYTES);
      write(value);
    }
    this.#end(start);
  }

  #map<T>(
    tag: number,
    map: { readonly [key: string]: T },
    write: (value: T) => void,
  ): void {
    for (const [key, value] of Object.entries(map)) {
      const start = this.#begin(tag);
      this.string(1 << 3 | 2, key);
      write(value);
      this.#end(start);
    }
  }

  #uint32(value: number): void {
    if (value >>> 0 !== value) throw cannotWrite(value, "uint32");
    this.#varint(value);
  }

  #int32(value: number): void {
    if ((value | 0) !== value) throw cannotWrite(value, "int32");
    if (value >= 0) this.#varint(value);
    else this.#varint64(value >>> 0, TWO_32 - 1);
  }

  #number64(tag: number, value: bigint, fits: boolean): void {
    this.#room(NUMBER_BYTES);
    this.#varint(tag);
    this.#bits64(value, fits);
  }

  #bits64(value: bigint, fits: boolean): void {
    if (!fits) throw cannotWrite(value, "number of 64 bits");
    if (value >= 0n && value <= MAX_SAFE) {
      const number = Number(value);
      this.#varint64(number >>> 0, Math.floor(number / TWO_32));
    } else {
      const bits = BigInt.asUintN(64, value);
      this.#varint64(Number(bits & LOW), Number(bits >> 32n));
    }
  }

  #fixed32(value: number): void {
    const bytes = this.#bytes;
    bytes[this.#at++] = value;
    bytes[this.#at++] = value >>> 8;
    bytes[this.#at++] = value >>> 16;
    bytes[this.#at++] = value >>> 24;
  }

  /** Writes 64 bits; both halves are unsigned numbers. */
  #varint64(low: number, high: number): void {
    if (high === 0) return this.#varint(low);
    const bytes = this.#bytes;
    for (let shift = 0; shift < 28; shift += 7) {
      bytes[this.#at++] = low >>> shift & 0x7f | 0x80;
    }
    const middle = low >>> 28 | (high & 7) << 4;
    if (high >>> 3 === 0) {
      bytes[this.#at++] = middle;
    } else {
      bytes[this.#at++] = middle | 0x80;
      this.#varint(high >>> 3);
    }
  }

  /** Writes at most 32 bits. There must be room. */
  #varint(value: number): void {
    const bytes = this.#bytes;
    while (value > 0x7f) {
      bytes[this.#at++] = value & 0x7f | 0x80;
      value >>>= 7;
    }
    bytes[this.#at++] = value;
  }

  /** Writes a short text and its length, or nothing if the text is not ASCII. */
  #ascii(value: string): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = value.length;
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) return false;
      bytes[at++] = unit;
    }
    this.#at = at;
    return true;
  }

  /** Begins a field with its length in front, with room for a length of one byte. */
  #begin(tag: number): number {
    this.#room(NUMBER_BYTES);
    this.#varint(tag);
    return this.#at++;
  }

  #end(start: number): void {
    this.#room(NUMBER_BYTES);
    this.#prefix(start, { room: 1, length: this.#at - start - 1 });
  }

  /** Writes the length of the bytes behind the room that was left for it. */
  #prefix(
    start: number,
    { room, length }: { readonly room: number; readonly length: number },
  ): void {
    const size = sizeOf(length);
    if (size !== room) {
      this.#bytes.copyWithin(start + size, start + room, start + room + length);
    }
    this.#at = start;
    this.#varint(length);
    this.#at += length;
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#grow(bytes);
  }

  /** Moves to larger memory. Places within it stay the same: some are remembered. */
  #grow(bytes: number): void {
    const grown = new Uint8Array(
      Math.max(this.#at + bytes + NUMBER_BYTES * 4, this.#at * 2),
    );
    grown.set(this.#bytes.subarray(this.#start, this.#at), this.#start);
    this.#bytes = grown;
  }
}

/** Writer of all messages, because each message is written without interruption. */
const shared = new ProtobufWriter();

/** Count of bytes that a length takes. */
function sizeOf(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  if (length < 0x20_0000) return 3;
  return length < 0x1000_0000 ? 4 : 5;
}

function cannotWrite(value: number | bigint, type: string): TypeError {
  return new TypeError(`Cannot write ${value}: it is no ${type}`);
}
