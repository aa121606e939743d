import { percentOf } from "../base/percentage.ts";

/** Size of a sample: a number of names, or a part of them in percent. */
export type SampleSize =
  | { readonly count: number }
  | { readonly percent: number };

/**
 * A random sample of names, in their order. The same seed takes the same sample of the same names.
 *
 * A part of them is rounded up, so that it is never empty.
 */
export function sampleNames(
  names: readonly string[],
  size: SampleSize,
  seed: number,
): readonly string[] {
  const wanted = "count" in size
    ? size.count
    : Math.max(1, percentOf(size.percent, names.length));
  if (wanted >= names.length) return names;
  const indexes = names.map((_, index) => index);
  const next = numbersOf(seed);
  // The first steps of a shuffle by Fisher and Yates.
  for (let at = 0; at < wanted; at++) {
    const other = at + Math.floor(next() * (indexes.length - at));
    const [one = 0, two = 0] = [indexes[at], indexes[other]];
    indexes[at] = two;
    indexes[other] = one;
  }
  const chosen = new Set(indexes.slice(0, wanted));
  return names.filter((_, index) => chosen.has(index));
}

/** Numbers from 0 to 1 that a seed repeats. Source: mulberry32, Tommy Ettinger, public domain. */
function numbersOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
