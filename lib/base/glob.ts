type Part = { readonly char: string } | "*" | "**";

/**
 * True if a whole text fits a pattern in which "*" stands for any characters but "/", and "**" for any at all. The time
 * grows with the product of both lengths and no faster, whatever the pattern is.
 */
export function globMatches(pattern: string, text: string): boolean {
  const parts = partsOf(pattern);
  let places = reach(new Set([0]), parts);
  for (const char of text) {
    const next = new Set<number>();
    for (const place of places) {
      const part = parts[place];
      if (part === undefined) continue;
      if (part === "**" || (part === "*" && char !== "/")) next.add(place);
      else if (part !== "*" && part.char === char) next.add(place + 1);
    }
    if (next.size === 0) return false;
    places = reach(next, parts);
  }
  return places.has(parts.length);
}

/** True if the pattern stands for more than one text. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes("*");
}

function partsOf(pattern: string): readonly Part[] {
  return (pattern.match(/\*+|[^*]/gsu) ?? []).map((part) =>
    part === "*" ? "*" : part.startsWith("*") ? "**" : { char: part }
  );
}

/** Places with those behind wildcards, which may stand for nothing. */
function reach(
  places: ReadonlySet<number>,
  parts: readonly Part[],
): ReadonlySet<number> {
  const all = new Set(places);
  for (const place of all) {
    if (typeof parts[place] === "string") all.add(place + 1);
  }
  return all;
}
