import { PiriError } from "../base/errors.ts";

/** Longest expression that an error quotes whole, in characters. */
const MAX_QUOTED = 80;

/** Characters around the place that are quoted of a longer expression, on each side. */
const AROUND = 30;

/** A target expression that cannot be read, with the place and a way to write it. */
export class TargetError extends PiriError {
  /** Place in the expression in characters, from 1 to one after its end. */
  readonly column: number;

  /** Makes an error with the code INVALID_ARGUMENT. */
  constructor(
    /** Expression that cannot be read. */
    readonly expression: string,
    { at, fact, hint }: {
      /** Place in UTF-16 units, from 0. */
      readonly at: number;
      readonly fact: string;
      /** Advice on what to type instead. */
      readonly hint: string;
    },
  ) {
    const column = [...expression.slice(0, at)].length + 1;
    super(
      "INVALID_ARGUMENT",
      `Cannot read the targets "${
        excerpt(expression, at)
      }": ${fact} at column ${column}; ${hint}`,
    );
    this.column = column;
  }
}

/** The expression, or the part of it around a place, without characters that act on a terminal. */
export function excerpt(text: string, at = 0): string {
  if (text.length <= MAX_QUOTED) return printable(text);
  const [start, end] = [Math.max(0, at - AROUND), at + AROUND];
  return `${start > 0 ? "…" : ""}${printable(text.slice(start, end))}${
    end < text.length ? "…" : ""
  }`;
}

/** Text with its control characters written as escapes. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
