/** Events of a run: as a number that equal runs share, and as lines if somebody wants to read them. */
export class Trace {
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly #kept: boolean;
  #high = 0x811c9dc5;
  #low = 0x01000193;

  constructor(now: () => number, { kept }: { kept: boolean }) {
    this.#now = now;
    this.#kept = kept;
  }

  /** True if lines are kept; otherwise text for them need not be made. */
  get isKept(): boolean {
    return this.#kept;
  }

  /** Adds an event. It counts for the digest. */
  add(text: string): void {
    const now = this.#now();
    this.#mix(Math.floor(now * 1_000));
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
    if (this.#kept) this.#keep(now, text);
  }

  /** Adds bytes that were sent. They count for the digest. */
  addBytes(bytes: Uint8Array): void {
    this.#mix(Math.floor(this.#now() * 1_000));
    this.#mix(bytes.length);
    for (let at = 0; at < bytes.length && at < 512; at++) {
      this.#mix(bytes[at] ?? 0);
    }
  }

  /** Adds a line for people, which does not count for the digest. */
  remark(text: () => string): void {
    if (this.#kept) this.#keep(this.#now(), text());
  }

  /** Digest of all events so far, as 16 digits. */
  get digest(): string {
    const hex = (value: number) => (value >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  #keep(now: number, text: string): void {
    this.lines.push(`${(now / 1_000).toFixed(3).padStart(9)} s  ${text}`);
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = Math.imul(
      this.#low ^ (value + (this.#high >>> 15)),
      0x5bd1e995,
    );
  }
}
