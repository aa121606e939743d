/** A glob that was read: texts in it are taken as they are. */
type Element = string | { readonly wildcard: "any" | "one" };

const ANY = { wildcard: "any" } as const;
const ONE = { wildcard: "one" } as const;

/**
 * A glob, in which `*` is any text and `?` one character, unless a backslash is before them.
 *
 * Its time grows with the product of both lengths at most, whatever the glob is.
 */
export class Glob {
  readonly #elements: readonly Element[];
  readonly #prefix: string;

  constructor(pattern: string) {
    this.#elements = elementsOf(pattern);
    const end = this.#elements.findIndex((each) => typeof each !== "string");
    this.#prefix = this.#elements.slice(0, end < 0 ? undefined : end).join("");
  }

  matches(text: string): boolean {
    if (!text.startsWith(this.#prefix)) return false;
    const elements = this.#elements;
    let [at, element] = [0, 0];
    let [star, starAt] = [-1, 0];
    while (at < text.length) {
      const expected = elements[element];
      if (expected === ANY) {
        [star, starAt] = [element++, at];
      } else if (expected === ONE || expected === text[at]) {
        at++;
        element++;
      } else if (star >= 0) {
        // The last star takes one character more.
        [at, element] = [++starAt, star + 1];
      } else return false;
    }
    while (elements[element] === ANY) element++;
    return element === elements.length;
  }
}

/** True if a pattern has a wildcard. */
export function hasWildcard(pattern: string): boolean {
  return elementsOf(pattern).some((each) => typeof each !== "string");
}

/** The text that a pattern without wildcards stands for. */
export function literalOf(pattern: string): string {
  return pattern.replaceAll(/\\([\s\S])/g, "$1");
}

function elementsOf(pattern: string): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    if (character === "\\" && at + 1 < pattern.length) {
      elements.push(pattern[++at] ?? "");
    } else if (character === "*") elements.push(ANY);
    else elements.push(character === "?" ? ONE : character);
  }
  return elements;
}
