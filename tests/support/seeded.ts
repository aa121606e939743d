import { type Random, seededNumbers } from "../../lib/base/random.ts";

/** Chance that repeats itself: the same seed gives the same numbers on every machine. */
export class Seeded implements Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededNumbers(seed);
  }

  /** An unsigned 32-bit number. */
  u32(): number {
    return this.#next();
  }

  fraction(): number {
    return this.u32() / 2 ** 32;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(length).map(() => this.u32());
  }

  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True so often, from 0 to 1. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of these. */
  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new TypeError("there is nothing to pick");
    return choice;
  }
  /** One of these, each as often as its weight says. */
  weighted<T>(choices: readonly (readonly [T, number])[]): T {
    const weights = choices.reduce((sum, [, weight]) => sum + weight, 0);
    let left = this.fraction() * weights;
    for (const [value, weight] of choices) {
      left -= weight;
      if (left < 0) return value;
    }
    throw new TypeError("there is nothing to pick from");
  }
}
