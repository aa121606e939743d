import type { Random } from "../../lib/base/random.ts";

/**
 * Randomness that a seed repeats. Each part of a simulation has its own, so that none shifts another's.
 *
 * It is not the generator of the other tests: the digests of seeds are made of its numbers.
 */
export class SeededRandom implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: string) {
    this.#seed = seed;
    const next = scramble(seed);
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
    for (let turn = 0; turn < 12; turn++) this.#next();
  }

  /** Random source for the part with this name. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${name}`);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.#next() & 0xff;
    return bytes;
  }

  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** True with this probability, from 0 to 1. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Number from `least` up to, but not including, `end`. */
  between(least: number, end: number): number {
    return least + this.fraction() * (end - least);
  }

  /** Whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  /** One of the choices. */
  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new TypeError("There is nothing to pick");
    // Undefined may be a choice, too.
    return choices[Math.floor(this.fraction() * choices.length)] as T;
  }

  /** sfc32: small, fast, and good enough for faults. */
  #next(): number {
    const t = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t | 0;
    return t >>> 0;
  }
}

/** Derives numbers from a text, as the start of an sfc32. */
function scramble(text: string): () => number {
  let hash = 1_779_033_703 ^ text.length;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 3_432_918_353);
    hash = (hash << 13) | (hash >>> 19);
  }
  return () => {
    hash = Math.imul(hash ^ (hash >>> 16), 2_246_822_507);
    hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_909);
    return (hash ^= hash >>> 16) >>> 0;
  };
}
