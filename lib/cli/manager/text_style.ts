/** Ends all attributes. */
export const RESET = "\x1b[0m";

/** Attributes by the parameters that set them and, last, the one that ends them (ECMA-48, 8.3.117, and what terminals added). */
const ATTRIBUTES: readonly (readonly [string, readonly number[], number])[] = [
  ["bold", [1], 22],
  ["faint", [2], 22],
  ["italic", [3, 20], 23],
  ["underline", [4, 21], 24],
  ["blink", [5, 6], 25],
  ["inverse", [7], 27],
  ["conceal", [8], 28],
  ["strike", [9], 29],
  ["colour", [...span(30, 38), ...span(90, 97)], 39],
  ["background", [...span(40, 48), ...span(100, 107)], 49],
  ["overline", [53], 55],
  ["underline colour", [58], 59],
];

const SETS = new Map(
  ATTRIBUTES.flatMap(([name, setters]) =>
    setters.map((setter) => [setter, name] as const)
  ),
);

const ENDS = new Map(
  ATTRIBUTES.map(([, , end]) => [
    end,
    ATTRIBUTES.filter(([, , other]) => other === end).map(([name]) => name),
  ]),
);

/** Number of parameters that follow 38, 48 or 58, by the first of them: an index of a palette, or red, green and blue. */
const COLOUR_PARAMETERS = new Map([[5, 2], [2, 4]]);

/** Attributes of text that a program has set by SGR sequences. */
export class TextStyle {
  readonly #attributes = new Map<string, string>();
  /** True if a parameter was seen that no attribute has. */
  #unknown = false;

  /** True if text looks as if nothing had been set. */
  get isDefault(): boolean {
    return this.#attributes.size === 0 && !this.#unknown;
  }

  /** Sequences that set the attributes again after a reset. */
  get sequences(): string {
    // One each, so that a colour with a parameter too few does not take one of the next.
    return [...this.#attributes.values()].map((set) => `\x1b[${set}m`).join("");
  }

  /** Applies an SGR sequence. */
  apply(sequence: string): void {
    const words = sequence.slice(2, -1).split(";");
    for (let at = 0; at < words.length;) {
      const number = Number.parseInt(words[at] || "0", 10);
      const alone = words[at]?.includes(":") || ![38, 48, 58].includes(number);
      const count = alone
        ? 1
        : 1 + (COLOUR_PARAMETERS.get(Number(words[at + 1])) ?? 0);
      this.#set(number, words.slice(at, at + count).join(";"));
      at += count;
    }
  }

  #set(number: number, parameters: string): void {
    const name = SETS.get(number);
    const ended = ENDS.get(number);
    if (number === 0) {
      this.#attributes.clear();
      this.#unknown = false;
    } else if (ended !== undefined) {
      for (const name of ended) this.#attributes.delete(name);
    } else if (/^4:0*$/.test(parameters)) this.#attributes.delete("underline");
    else if (name === undefined) this.#unknown = true;
    else this.#attributes.set(name, parameters);
  }
}

function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
