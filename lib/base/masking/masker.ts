import { concat } from "@std/bytes/concat";
import { MASK } from "../sealed.ts";

const MASK_BYTES = new TextEncoder().encode(MASK);

/**
 * Forms by their first two bytes, and how far a search may go on without missing one: two bytes that are at no place near
 * the beginning of any form rule several places out at once (Wu and Manber, 1994).
 */
export class MaskTable {
  /** Length of the shortest form. */
  readonly least: number;
  /** Places that may be left out, by the two bytes at the end of the next `least` ones. */
  readonly skips: Uint8Array;
  /** 1 for two bytes that begin a form; index: the first byte in the high half. */
  readonly begins = new Uint8Array(65_536);
  /** 1 for a first byte of a form. */
  readonly firsts = new Uint8Array(256);
  readonly #forms = new Map<number, Uint8Array[]>();

  /** @param forms Texts to find, each of two bytes at least. */
  constructor(forms: readonly Uint8Array[]) {
    this.least = Math.min(256, ...forms.map(({ length }) => length));
    this.skips = new Uint8Array(65_536).fill(this.least - 1);
    for (const form of forms) {
      const [first = 0, second = 0] = form;
      this.#limitSkips(form);
      const pair = first << 8 | second;
      this.begins[pair] = 1;
      this.firsts[first] = 1;
      const others = this.#forms.get(pair) ?? [];
      this.#forms.set(pair, [...others, form]);
    }
    for (const forms of this.#forms.values()) {
      forms.sort((one, other) => other.length - one.length);
    }
  }

  #limitSkips(form: Uint8Array): void {
    for (let at = 0; at + 2 <= this.least; at++) {
      const pair = (form[at] ?? 0) << 8 | (form[at + 1] ?? 0);
      const skip = this.least - 2 - at;
      this.skips[pair] = Math.min(skip, this.skips[pair] ?? 0);
    }
  }

  /** Forms that begin with two bytes, the longest first. */
  formsAt(pair: number): readonly Uint8Array[] {
    return this.#forms.get(pair) ?? [];
  }
}

/** Length of a form that may begin here, and of which the end has not come. */
const MAY_BEGIN = -1;

/**
 * Replaces secrets in a stream of bytes by "***", wherever the stream is cut into pieces. Forms that overlap become one.
 * Bytes are held back only while they may begin a form.
 */
export class Masker {
  /** Forms that it finds. */
  readonly table: MaskTable;
  #held: Uint8Array = new Uint8Array();
  /** Bytes at the beginning of what is held, or of what comes, that are masked already. */
  #masked = 0;
  #count = 0;

  constructor(table: MaskTable) {
    this.table = table;
  }

  /** Number of places that were masked. */
  get count(): number {
    return this.#count;
  }

  /** True while bytes wait for more. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** Takes a piece, and returns what may go on. It may be the piece itself. */
  push(piece: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#run(joined(this.#held, piece), false);
  }

  /** Returns what is held back, as if nothing more came. */
  flush(): Uint8Array<ArrayBuffer> {
    return this.#run(joined(this.#held, new Uint8Array()), true);
  }

  #run(
    bytes: Uint8Array<ArrayBuffer>,
    isEnd: boolean,
  ): Uint8Array<ArrayBuffer> {
    const { begins, firsts, least, skips } = this.table;
    const parts: Uint8Array[] = [];
    const last = bytes.length - 1;
    // All before it is passed on or masked.
    let until = this.#masked;
    let at = 0;
    for (;; at++) {
      // All indexes are within the bytes, which the compiler cannot know.
      for (let end = at + least - 1; end <= last; end = at + least - 1) {
        const skip = skips[
          (bytes[end - 1] as number) << 8 | (bytes[end] as number)
        ] as number;
        if (skip === 0) break;
        at += skip;
      }
      if (at >= last) break;
      const pair = (bytes[at] as number) << 8 | (bytes[at + 1] as number);
      if (begins[pair] === 0) continue;
      const length = this.#lengthAt(bytes, at, { pair, isEnd });
      if (length === MAY_BEGIN) break;
      if (length === 0) continue;
      if (at >= until) {
        if (at > until) parts.push(bytes.subarray(until, at));
        parts.push(MASK_BYTES);
        this.#count++;
      }
      until = Math.max(until, at + length);
    }
    if (at === last && (isEnd || firsts[bytes[last] as number] === 0)) at++;
    if (at > until) parts.push(bytes.subarray(until, at));
    this.#held = bytes.slice(at);
    this.#masked = Math.max(0, until - at);
    const [only] = parts;
    return parts.length === 1 && only !== undefined && only !== MASK_BYTES
      ? only as Uint8Array<ArrayBuffer>
      : concat(parts) as Uint8Array<ArrayBuffer>;
  }

  /** Length of the longest form here; 0 for none; MAY_BEGIN if the bytes end within a longer one. */
  #lengthAt(
    bytes: Uint8Array,
    at: number,
    { pair, isEnd }: { readonly pair: number; readonly isEnd: boolean },
  ): number {
    for (const form of this.table.formsAt(pair)) {
      const isCut = at + form.length > bytes.length;
      if (isCut && isEnd) continue;
      const end = isCut ? bytes.length - at : form.length;
      let same = 2;
      while (same < end && bytes[at + same] === form[same]) same++;
      if (same === end) return isCut ? MAY_BEGIN : form.length;
    }
    return 0;
  }
}

function joined(
  held: Uint8Array,
  piece: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return held.length === 0
    ? piece
    : concat([held, piece]) as Uint8Array<ArrayBuffer>;
}
