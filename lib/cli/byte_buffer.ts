const MIN_CAPACITY = 256;

/** Largest memory that a buffer keeps when it is emptied, in bytes. */
const MAX_KEPT_CAPACITY = 65_536;

/** Bytes that are gathered without a new array for each part. */
export class ByteBuffer {
  #bytes = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** All bytes, valid until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(
        Math.max(MIN_CAPACITY, length, this.#bytes.length * 2),
      );
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > MAX_KEPT_CAPACITY) this.#bytes = new Uint8Array(0);
  }
}
