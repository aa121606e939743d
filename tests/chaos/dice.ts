import type { Random } from "../../lib/base/random.ts";

/** Chance from a seed: the same seed throws the same. Fit for tests only. */
export class Dice implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Source: mulberry32, by Tommy Ettinger, public domain. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(length).map(() => this.between(0, 255));
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  /** True so often, of 1. */
  chance(part: number): boolean {
    return this.fraction() < part;
  }

  /** One of these, each as often as its weight says. */
  pick<T>(weighted: readonly (readonly [T, number])[]): T {
    let left = this.fraction() *
      weighted.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [value, weight] of weighted) {
      left -= weight;
      if (left < 0) return value;
    }
    throw new TypeError("there is nothing to pick from");
  }

  /** One of these. */
  oneOf<T>(values: readonly T[]): T {
    return this.pick(values.map((value) => [value, 1]));
  }
}
