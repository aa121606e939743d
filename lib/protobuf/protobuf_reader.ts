import { PiriError } from "../base/errors.ts";

/** Reads one message up to `end`, merging it into the message read before, if any. */
export type ReadMessage<T> = (
  reader: ProtobufReader,
  end: number,
  into?: T,
) => T;

/** Limit of messages and groups nested in each other. */
const MAX_DEPTH = 100;

/** Length up to which a string is likely to be plain ASCII; then decoding by hand is faster. */
const SHORT = 64;

const TWO_32 = 2 ** 32;

/** First upper half that makes a number too large for a double. */
const EXACT_HIGH = 2 ** 21;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Value of a bytes field that is absent. It is shared, which its length of 0 allows. */
export const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array();

/** Decodes a message. Byte fields in it are views of `bytes`, or copies if these are only borrowed. */
export function decode<T>(
  read: ReadMessage<T>,
  bytes: Uint8Array,
  { isBorrowed = false }: { readonly isBorrowed?: boolean } = {},
): T {
  shared.begin(bytes, isBorrowed);
  return read(shared, bytes.length);
}

/**
 * Reads protobuf values one after the other, never past the end. Throws PROTOCOL_VIOLATION, or the error of
 * TextDecoder.
 *
 * A known field is read by its own type, whatever type its tag claims, as @bufbuild/protobuf does.
 */
export class ProtobufReader {
  #bytes: Uint8Array = NO_BYTES;
  #isBorrowed = false;
  #at = 0;
  #depth = 1;
  /** Upper half of the last value that `#varint64` read. */
  #high = 0;

  /** Begins to read other bytes. Those that are borrowed are copied where they are kept. */
  begin(bytes: Uint8Array, isBorrowed: boolean): void {
    this.#bytes = bytes;
    this.#isBorrowed = isBorrowed;
    this.#at = 0;
    this.#depth = 1;
  }

  /** Position of the next byte to read. */
  get at(): number {
    return this.#at;
  }

  /** Tag of a field: its number and, in the last three bits, its wire type. */
  tag(): number {
    const start = this.#at;
    const tag = this.uint32();
    const length = this.#at - start;
    if (length > 5 || (length === 5 && this.#byteAt(this.#at - 1) > 0x0f)) {
      throw violation("a tag is over 32 bits");
    }
    if (tag >>> 3 === 0 || (tag & 7) > 5) {
      throw violation(`${tag} is not a tag`);
    }
    return tag;
  }

  uint32(): number {
    let byte = this.#next();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.#next();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    byte = this.#next();
    value |= byte << 28;
    // Negative numbers come as 64 bits; bits above 32 are ignored.
    for (let length = 5; byte >= 0x80; length++) {
      if (length === 10) throw violation("a number is over 10 bytes");
      byte = this.#next();
    }
    return value >>> 0;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  uint64(): bigint {
    const low = this.#varint64();
    return unsigned(low, this.#high);
  }

  int64(): bigint {
    const low = this.#varint64();
    return this.#high < TWO_32 / 2
      ? unsigned(low, this.#high)
      : BigInt.asIntN(64, unsigned(low, this.#high));
  }

  fixed64(): bigint {
    const low = this.#fixed32();
    return unsigned(low, this.#fixed32());
  }

  double(): number {
    const start = this.#startOf(8);
    const { buffer, byteOffset } = this.#bytes;
    return new DataView(buffer, byteOffset + start, 8).getFloat64(0, true);
  }

  bool(): boolean {
    return this.#varint64() !== 0 || this.#high !== 0;
  }

  /** Reads bytes. The result is a view, or a copy if the bytes are borrowed. */
  bytes(): Uint8Array {
    const start = this.#startOf(this.uint32());
    return this.#isBorrowed
      ? this.#bytes.slice(start, this.#at)
      : this.#bytes.subarray(start, this.#at);
  }

  string(): string {
    const length = this.uint32();
    const start = this.#startOf(length);
    if (length > SHORT) {
      return utf8.decode(this.#bytes.subarray(start, this.#at));
    }
    const codes = new Array<number>(length);
    for (let index = 0; index < length; index++) {
      const byte = this.#byteAt(start + index);
      if (byte > 0x7f) {
        return utf8.decode(this.#bytes.subarray(start, this.#at));
      }
      codes[index] = byte;
    }
    return String.fromCharCode(...codes);
  }

  /** Reads a nested message, merging it into `into`. */
  message<T>(read: ReadMessage<T>, into?: T): T {
    const end = this.uint32() + this.#at;
    this.#depth++;
    const message = read(this, end, into);
    this.#depth--;
    return message;
  }

  /** Reads one number of a list, or a packed list. */
  uint32s(tag: number, into: number[]): void {
    this.#numbers(tag, into, () => this.uint32());
  }

  /** Reads signed numbers as `uint32s` reads others. */
  int32s(tag: number, into: number[]): void {
    this.#numbers(tag, into, () => this.int32());
  }

  /** Reads 64-bit numbers as `uint32s` reads 32-bit ones. */
  int64s(tag: number, into: bigint[]): void {
    this.#numbers(tag, into, () => this.int64());
  }

  #numbers<T>(tag: number, into: T[], read: () => T): void {
    if ((tag & 7) !== 2) {
      into.push(read());
      return;
    }
    const end = this.uint32() + this.#at;
    while (this.#at < end) into.push(read());
  }

  /** Reads an entry of a map from text to text. */
  stringEntry(into: { [key: string]: string }): void {
    this.#entry(into, "", () => this.string());
  }

  /** Reads an entry of a map from text to numbers of 64 bits. */
  uint64Entry(into: { [key: string]: bigint }): void {
    this.#entry(into, 0n, () => this.uint64());
  }

  #entry<T>(into: { [key: string]: T }, empty: T, read: () => T): void {
    const end = this.uint32() + this.#at;
    let key = "";
    let value = empty;
    while (this.#at < end) {
      const tag = this.tag();
      if (tag >>> 3 === 1) key = this.string();
      else if (tag >>> 3 === 2) value = read();
      else this.skip(tag);
    }
    if (key !== "__proto__") into[key] = value;
    else {
      Object.defineProperty(into, key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
  }

  /** Skips an unknown field. */
  skip(tag: number): void {
    this.#skip(tag, MAX_DEPTH - this.#depth);
  }

  #skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case 0:
        while (this.#next() >= 0x80);
        return;
      case 1:
        this.#startOf(8);
        return;
      case 2:
        this.#startOf(this.uint32());
        return;
      case 3:
        this.#skipGroup(tag >>> 3, depth);
        return;
      case 5:
        this.#startOf(4);
        return;
      default:
        throw violation("a group ends that did not begin");
    }
  }

  #skipGroup(field: number, depth: number): void {
    if (depth <= 0) throw violation(`it is over ${MAX_DEPTH} levels deep`);
    let tag = this.tag();
    while ((tag & 7) !== 4) {
      this.#skip(tag, depth - 1);
      tag = this.tag();
    }
    if (tag >>> 3 !== field) throw violation("another group ends than began");
  }

  /** Reads 64 bits and returns the lower half; the upper half is in `#high`. */
  #varint64(): number {
    let byte = this.#next();
    this.#high = 0;
    if (byte < 0x80) return byte;
    let low = byte & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.#next();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    byte = this.#next();
    low = (low | byte << 28) >>> 0;
    let high = (byte & 0x70) >> 4;
    for (let shift = 3; byte >= 0x80; shift += 7) {
      if (shift > 31) throw violation("a number is over 10 bytes");
      byte = this.#next();
      high |= (byte & 0x7f) << shift;
    }
    this.#high = high >>> 0;
    return low;
  }

  #fixed32(): number {
    const at = this.#startOf(4);
    return (this.#byteAt(at) | this.#byteAt(at + 1) << 8 |
      this.#byteAt(at + 2) << 16 | this.#byteAt(at + 3) << 24) >>> 0;
  }

  /** Moves on by `length` bytes and returns where they begin. */
  #startOf(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw violation("it ends early");
    this.#at = start + length;
    return start;
  }

  #next(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw violation("it ends early");
    this.#at++;
    return byte;
  }

  /** Byte at a position that must exist. */
  #byteAt(at: number): number {
    return this.#bytes[at] ?? 0;
  }
}

/** Reader of all messages, because each message is read without interruption. */
const shared = new ProtobufReader();

function unsigned(low: number, high: number): bigint {
  return high < EXACT_HIGH
    ? BigInt(high * TWO_32 + low)
    : BigInt(high) << 32n | BigInt(low);
}

function violation(why: string): PiriError {
  return new PiriError("PROTOCOL_VIOLATION", `Cannot read a message: ${why}`);
}
