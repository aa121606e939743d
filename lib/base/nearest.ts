import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Shortest beginning of a word that stands for the whole word, in characters. */
const MIN_BEGINNING = 3;

/**
 * The known word that somebody has probably meant: one with few other letters, with two letters exchanged, or that begins
 * so. Undefined if none is close, because a wrong hint is worse than none.
 */
export function nearest(
  word: string,
  known: readonly string[],
): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3));
  const [best] = known
    .map((name) => ({ name, distance: distanceOf(word, name) }))
    .filter(({ distance }) => distance <= most)
    .toSorted((one, other) => one.distance - other.distance);
  return best?.name;
}

/** Question for the nearest known word; the text for a word that none is close to. */
export function didYouMean(
  word: string,
  known: readonly string[],
  otherwise: string,
): string {
  const name = nearest(word, known);
  return name === undefined ? otherwise : `did you mean "${name}"?`;
}

function distanceOf(typed: string, known: string): number {
  const [word, name] = [typed.toLowerCase(), known.toLowerCase()];
  if (word === name) return 0;
  if (areExchanged(word, name)) return 1;
  return word.length >= MIN_BEGINNING && name.startsWith(word)
    ? 1
    : levenshteinDistance(word, name);
}

/** True if two neighbouring letters are exchanged, and nothing else. */
function areExchanged(one: string, other: string): boolean {
  const at = [...one].findIndex((letter, index) => letter !== other[index]);
  return one.length === other.length && at + 1 < one.length &&
    one[at] === other[at + 1] && one[at + 1] === other[at] &&
    one.slice(at + 2) === other.slice(at + 2);
}
