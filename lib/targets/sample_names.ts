import { percentOf } from "../base/percentage.ts";
import { seededNumbers } from "../base/random.ts";

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
  const next = seededNumbers(seed);
  // The first steps of a shuffle by Fisher and Yates.
  for (let at = 0; at < wanted; at++) {
    const fraction = next() / 2 ** 32;
    const other = at + Math.floor(fraction * (indexes.length - at));
    const [one = 0, two = 0] = [indexes[at], indexes[other]];
    indexes[at] = two;
    indexes[other] = one;
  }
  const chosen = new Set(indexes.slice(0, wanted));
  return names.filter((_, index) => chosen.has(index));
}
