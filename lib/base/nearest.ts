import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** The known name that a mistyped one most likely means; undefined if none is close. */
export function nearest(
  name: string,
  known: readonly string[],
): string | undefined {
  if (known.length === 0) return undefined;
  const closest = closestString(name, known);
  const distance = levenshteinDistance(
    name.toLowerCase(),
    closest.toLowerCase(),
  );
  return distance <= Math.max(2, Math.floor(name.length / 3))
    ? closest
    : undefined;
}
