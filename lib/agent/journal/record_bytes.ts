import { concat } from "@std/bytes/concat";
import { dialectOfManager } from "../../wire/dialect.ts";

/** Name that a Manager has for a command. */
export interface CommandName {
  readonly id: bigint;
  readonly nonce: bigint;
  readonly managerId: string;
}

/** False for commands of legacy Managers, whose ids repeat. */
export function hasUniqueId({ managerId }: CommandName): boolean {
  return dialectOfManager(managerId).hasIdentities;
}

/** Writes the values of one record, one after the other. */
export class RecordWriter {
  readonly #parts: Uint8Array[] = [];

  /** Writes an unsigned number, big-endian, in `size` bytes. */
  number(size: number, value: number): this {
    const part = new Uint8Array(size);
    let rest = value;
    for (let i = size - 1; i >= 0; i--) {
      part[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return this.#add(part);
  }

  /** Writes 64 bits, signed or unsigned. */
  bigint(value: bigint): this {
    const part = new Uint8Array(8);
    new DataView(part.buffer).setBigInt64(0, BigInt.asIntN(64, value));
    return this.#add(part);
  }

  blob(bytes: Uint8Array): this {
    return this.number(4, bytes.length).#add(bytes);
  }

  text(text: string): this {
    return this.blob(new TextEncoder().encode(text));
  }

  name({ id, nonce, managerId }: CommandName): this {
    return this.bigint(id).bigint(nonce).text(managerId);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.#parts);
  }

  #add(part: Uint8Array): this {
    this.#parts.push(part);
    return this;
  }
}

/** Reads the values of one record, in the order in which they were written. */
export class RecordReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  /** Reads an unsigned number of `size` bytes. */
  number(size: number): number {
    return this.#take(size).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** Reads 64 bits, signed. */
  bigint(): bigint {
    return this.#view().getBigInt64(0);
  }

  /** Reads bytes as a copy, so that one record does not keep the whole file in memory. */
  blob(): Uint8Array<ArrayBuffer> {
    return this.#take(this.number(4)).slice();
  }

  text(): string {
    return new TextDecoder().decode(this.#take(this.number(4)));
  }

  name(): CommandName {
    return {
      id: this.bigint(),
      nonce: this.#view().getBigUint64(0),
      managerId: this.text(),
    };
  }

  #view(): DataView<ArrayBuffer> {
    const { buffer, byteOffset } = this.#take(8);
    return new DataView(buffer, byteOffset, 8);
  }

  #take(size: number): Uint8Array<ArrayBuffer> {
    const end = this.#at + size;
    if (end > this.#bytes.length) {
      throw new RangeError("Cannot read a line of the journal: it is short");
    }
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
