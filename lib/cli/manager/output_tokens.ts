import { joinBytes } from "../utf8.ts";

/** A part of a program's output: text without controls of the line, an SGR sequence, a return, the end of a line. */
export type Token =
  | { readonly kind: "text" | "style"; readonly bytes: Uint8Array }
  | { readonly kind: "return" | "newline" };

/** Most bytes between `ESC [` and `m`: two colours of 24 bits with all that may go with them take 60. */
const MAX_PARAMETERS = 64;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const ESCAPE = 0x1b;
const BRACKET = 0x5b;
const M = 0x6d;
const EMPTY = new Uint8Array();

/**
 * Splits the output of a program into tokens. They do not depend on the pieces in which it arrives, but for text, which
 * may be several tokens. No sequence but SGR becomes a token, so that nothing else can reach a terminal.
 */
export class OutputTokens {
  #rest: Uint8Array = EMPTY;

  /** Length of the whole lines at the beginning of a piece that have no other tokens than text; 0 if there are none. */
  plainLines(piece: Uint8Array): number {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    const first = new Controls(piece.subarray(0, end)).firstSpecial;
    if (this.#rest.length > 0 || first === 0) return 0;
    return piece.lastIndexOf(NEWLINE, first - 1) + 1;
  }

  /** Tokens of a piece, without a sequence at its end that may go on in the next. */
  *of(piece: Uint8Array): Generator<Token> {
    const bytes = joinBytes(this.#rest, piece);
    this.#rest = EMPTY;
    const controls = new Controls(bytes);
    let start = 0;
    let from = 0;
    while (true) {
      const at = controls.next(from);
      const control = bytes[at];
      from = control === ESCAPE ? endOfStyle(bytes, at) : at + 1;
      // An escape of something else is text like any other.
      if (from === NO_STYLE) from = at + 1;
      else {
        if (at > start) {
          yield { kind: "text", bytes: bytes.subarray(start, at) };
        }
        if (control === undefined) return;
        if (from === UNFINISHED) {
          this.#rest = bytes.slice(at);
          return;
        }
        if (control === NEWLINE) yield { kind: "newline" };
        else if (control === RETURN) yield { kind: "return" };
        else yield { kind: "style", bytes: bytes.subarray(at, from) };
        start = from;
      }
    }
  }

  /** Tokens of what was left, once no more follows. */
  *end(): Generator<Token> {
    const rest = this.#rest;
    this.#rest = EMPTY;
    if (rest.length > 0) yield { kind: "text", bytes: rest };
  }
}

const NO_STYLE = -1;
const UNFINISHED = -2;

/** End of the SGR sequence that begins at this escape. */
function endOfStyle(bytes: Uint8Array, escape: number): number {
  if (escape + 1 === bytes.length) return UNFINISHED;
  if (bytes[escape + 1] !== BRACKET) return NO_STYLE;
  const last = escape + 2 + MAX_PARAMETERS;
  for (let at = escape + 2; at <= last; at++) {
    const byte = bytes[at];
    if (byte === undefined) return UNFINISHED;
    if (byte === M) return at + 1;
    if (!isParameter(byte)) return NO_STYLE;
  }
  return NO_STYLE;
}

/** True for digits, ":" and ";". */
function isParameter(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x3b;
}

/** Places of returns, line ends and escapes. */
class Controls {
  readonly #bytes: Uint8Array;
  /** Next place of each, at or behind the last one that was asked for. */
  #newline = -1;
  #return = -1;
  #escape = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The first place from here on; the length of the bytes if there is none. */
  next(from: number): number {
    if (this.#newline < from) this.#newline = this.#find(NEWLINE, from);
    if (this.#return < from) this.#return = this.#find(RETURN, from);
    if (this.#escape < from) this.#escape = this.#find(ESCAPE, from);
    return Math.min(this.#newline, this.#return, this.#escape);
  }

  /** The first place of a return or an escape. */
  get firstSpecial(): number {
    return Math.min(this.#find(RETURN, 0), this.#find(ESCAPE, 0));
  }

  #find(control: number, from: number): number {
    const place = this.#bytes.indexOf(control, from);
    return place < 0 ? this.#bytes.length : place;
  }
}
