/** A part of a program's output: text without controls of the line, an SGR sequence, a return, the end of a line. */
export type Token =
  | { readonly kind: "text" | "style"; readonly text: string }
  | { readonly kind: "return" | "newline" };

/** Most characters between `ESC [` and `m`: two colours of 24 bits with all that may go with them take 60. */
const MAX_PARAMETERS = 64;

const PARAMETERS = `\\[[\\d;:]{0,${MAX_PARAMETERS}}`;

/** SGR sequences are the only ones that become tokens, so that nothing else can reach a terminal. */
const CONTROL = new RegExp(`[\r\n]|\x1b${PARAMETERS}m`, "g");

/** Beginning of an SGR sequence at the end of a text. */
const UNFINISHED = new RegExp(`\x1b(?:${PARAMETERS})?$`);

/** Splits the output of a program into tokens. The tokens do not depend on the pieces in which it arrives. */
export class OutputTokens {
  #rest = "";

  /** Tokens of a piece, without a sequence at its end that may go on in the next. */
  *of(piece: string): Generator<Token> {
    const text = this.#rest + piece;
    const end = Math.max(0, text.length - MAX_PARAMETERS - 2);
    const tail = UNFINISHED.exec(text.slice(end));
    this.#rest = tail?.[0] ?? "";
    const whole = text.slice(0, text.length - this.#rest.length);
    let start = 0;
    for (const { 0: control, index } of whole.matchAll(CONTROL)) {
      if (index > start) yield textToken(whole.slice(start, index));
      start = index + control.length;
      if (control === "\n") yield { kind: "newline" };
      else if (control === "\r") yield { kind: "return" };
      else yield { kind: "style", text: control };
    }
    if (start < whole.length) yield textToken(whole.slice(start));
  }

  /** Tokens of what was left, once no more follows. */
  *end(): Generator<Token> {
    const rest = this.#rest;
    this.#rest = "";
    if (rest !== "") yield textToken(rest);
  }
}

function textToken(text: string): Token {
  return { kind: "text", text };
}
