/** Longest line that is held back, in characters. What operations print is passed on earlier. */
const MAX_LINE = 4 * 1_048_576;
const MAX_PRINTED = 8_192;

/** Part of what a process prints. */
export type Printed =
  | { readonly kind: "text"; readonly text: string }
  /** Line with the token in front, without it. */
  | { readonly kind: "line"; readonly line: string };

/** Tells the lines that begin with a token from all other text. In front of each of them is an empty line. */
export class PrintedLines {
  readonly #token: string;
  #rest = "";
  /** True if an end of a line was held back: it belongs to the next line if that has the token. */
  #isHeld = false;
  /** True at the beginning of a line. */
  #isFresh = true;

  constructor(token: string) {
    this.#token = token;
  }

  /** Takes the next text. */
  *add(text: string): Generator<Printed> {
    let printed = "";
    for (const part of this.#parts(text)) {
      if (part.kind === "text") printed += part.text;
      else {
        if (printed !== "") yield { kind: "text", text: printed };
        printed = "";
        yield part;
      }
    }
    if (printed !== "") yield { kind: "text", text: printed };
  }

  *#parts(text: string): Generator<Printed> {
    this.#rest += text;
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end < 0) break;
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      if (this.#isFresh && line.startsWith(this.#token)) {
        this.#isHeld = false;
        yield { kind: "line", line: line.slice(this.#token.length) };
        continue;
      }
      yield* this.#text(line);
      this.#isHeld = true;
      this.#isFresh = true;
    }
    if (this.#rest === "") return;
    const mayBeLine = this.#isFresh &&
      (this.#rest.startsWith(this.#token) ||
        this.#token.startsWith(this.#rest));
    if (this.#rest.length <= (mayBeLine ? MAX_LINE : MAX_PRINTED)) return;
    yield* this.#text(this.#rest);
    this.#rest = "";
    this.#isFresh = false;
  }

  /** Ends the text. */
  *end(): Generator<Printed> {
    if (this.#rest !== "") yield* this.#text(this.#rest);
    this.#rest = "";
  }

  *#text(line: string): Generator<Printed> {
    const text = `${this.#isHeld ? "\n" : ""}${line}`;
    this.#isHeld = false;
    if (text !== "") yield { kind: "text", text };
  }
}
