import { Limits } from "../base/limits.ts";
import type { Piece, Span } from "./target_expression.ts";
import type { Scanner } from "./scanner.ts";

/** Digits that a number of a range may have, so that it is exact. */
const MAX_DIGITS = 15;

/** Largest class of letters that an error spells out. */
const MAX_SPELLED = 10;

const TEXT = /[A-Za-z0-9._-]+/y;
const SPAN = /\s*([0-9]+)(?:\s*-\s*([0-9]+)(?:\/([0-9]+))?)?\s*(?=[,\]])/y;

/** True if a name, a glob or a range begins at this place. */
export function beginsWord(scanner: Scanner): boolean {
  return scanner.look(/[A-Za-z0-9*?[{_]/y) !== undefined;
}

/** Reads a name, a glob or a range, with its braces. */
export function parseWord(scanner: Scanner): readonly Piece[] {
  const at = scanner.at;
  const pieces = readPieces(scanner);
  // Long texts would also make the names of a range take much memory.
  if (longestOf(pieces) > Limits.name) {
    scanner.fail(
      `no name has more than ${Limits.name} characters`,
      "write a shorter one",
      at,
    );
  }
  const count = countOf(pieces);
  if (isGlob(pieces)) scanner.spendTests(count, at);
  else scanner.spendNames(count, at);
  return pieces;
}

/** Number of texts that pieces stand for. */
function countOf(pieces: readonly Piece[]): number {
  return pieces.reduce((product, piece) => {
    if (piece.kind === "range") {
      return product * piece.spans.reduce(
        (sum, { from, to, step }) => sum + Math.floor((to - from) / step) + 1,
        0,
      );
    }
    return piece.kind === "choice"
      ? product * piece.of.reduce((sum, each) => sum + countOf(each), 0)
      : product;
  }, 1);
}

/** Length of the longest text that pieces stand for, in characters; a wildcard counts as one. */
function longestOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => {
    switch (piece.kind) {
      case "text":
        return sum + piece.text.length;
      case "range":
        return sum + Math.max(
          piece.width,
          ...piece.spans.map(({ to }) => String(to).length),
        );
      case "choice":
        return sum + Math.max(...piece.of.map(longestOf));
      default:
        return sum + 1;
    }
  }, 0);
}

/** True if a piece stands for texts that are not spelled out. */
export function isGlob(pieces: readonly Piece[]): boolean {
  return pieces.some((piece) =>
    piece.kind === "any" || piece.kind === "one" ||
    (piece.kind === "choice" && piece.of.some(isGlob))
  );
}

function readPieces(scanner: Scanner): Piece[] {
  const pieces: Piece[] = [];
  for (;;) {
    const text = scanner.take(TEXT);
    if (text !== undefined) pieces.push({ kind: "text", text: text[0] });
    else if (scanner.take(/\*+/y)) pieces.push({ kind: "any" });
    else if (scanner.take(/\?/y)) pieces.push({ kind: "one" });
    else if (scanner.next === "[") pieces.push(readRange(scanner));
    else if (scanner.next === "{") pieces.push(readChoice(scanner));
    else return pieces;
  }
}

function readChoice(scanner: Scanner): Piece {
  const start = scanner.at;
  const dots = scanner.look(/\{([0-9]+)\.\.([0-9]+)\}/y);
  if (dots !== undefined) {
    scanner.fail(
      "this is no list",
      `write [${dots[1]}-${dots[2]}] for a range of numbers`,
    );
  }
  scanner.take(/\{/y);
  const of = scanner.nested(() => {
    const found = [readPieces(scanner)];
    while (scanner.take(/,/y)) found.push(readPieces(scanner));
    return found;
  });
  if (!scanner.take(/\}/y)) {
    scanner.fail(
      scanner.next === ""
        ? "the brace is not closed"
        : "this cannot be in a list in braces",
      "write {a,b}, without spaces",
      scanner.next === "" ? start : scanner.at,
    );
  }
  if (of.length === 1) {
    scanner.fail(
      "a list in braces has one part only",
      "write {a,b}, or leave out the braces",
      start,
    );
  }
  return { kind: "choice", of };
}

function readRange(scanner: Scanner): Piece {
  const start = scanner.at;
  refuseClass(scanner);
  scanner.take(/\[/y);
  const numbers: string[] = [];
  const spans: Span[] = [];
  do {
    const at = scanner.at;
    const [, first = "", last = first, step = "1"] = scanner.take(SPAN) ??
      scanner.fail(
        scanner.text.includes("]", start)
          ? "this is no number"
          : "the bracket is not closed",
        "write numbers, as [1-9], [01-20,25] or [1-9/2]",
      );
    numbers.push(first, last);
    spans.push(spanOf(scanner, { at, first, last, step }));
  } while (scanner.take(/,/y));
  scanner.take(/\]/y);
  return { kind: "range", width: widthOf(scanner, start, numbers), spans };
}

function spanOf(
  scanner: Scanner,
  { at, first, last, step }: {
    at: number;
    first: string;
    last: string;
    step: string;
  },
): Span {
  if (Math.max(first.length, last.length, step.length) > MAX_DIGITS) {
    scanner.fail(
      `a number has more than ${MAX_DIGITS} digits`,
      "put the digits that stay the same before the bracket",
      at,
    );
  }
  const span = { from: Number(first), to: Number(last), step: Number(step) };
  if (span.to < span.from) {
    scanner.fail(
      `the range ${first}-${last} runs backwards`,
      `write [${last}-${first}]`,
      at,
    );
  }
  if (span.step === 0) {
    scanner.fail("a range has the step 0", "write a step from 1 on", at);
  }
  // A range of one number has one spelling.
  return span.from === span.to ? { ...span, step: 1 } : span;
}

/** Width of the numbers of a range, by the leading zeros of the first. */
function widthOf(
  scanner: Scanner,
  start: number,
  numbers: readonly string[],
): number {
  const [first = ""] = numbers;
  const width = isPadded(first) ? first.length : 1;
  const other = numbers.find((number) =>
    isPadded(number) && number.length !== width
  );
  if (other !== undefined) {
    scanner.fail(
      `the numbers ${first} and ${other} have different widths`,
      "write a range of its own for each width",
      start,
    );
  }
  return width;
}

function isPadded(number: string): boolean {
  return number.length > 1 && number.startsWith("0");
}

/** Refuses what means a class of characters elsewhere. */
function refuseClass(scanner: Scanner): void {
  const colon = scanner.look(/\[([0-9]+):([0-9]+)\]/y);
  if (colon !== undefined) {
    scanner.fail(
      "a range has no colon",
      `write [${colon[1]}-${colon[2]}]`,
    );
  }
  const other = scanner.look(/\[([!^])/y);
  if (other !== undefined) {
    scanner.fail(
      "classes of characters are not known",
      "write a glob and leave others out: web-? ! web-x",
    );
  }
  const letters = scanner.look(/\[([^\]\s]*[A-Za-z][^\]\s]*)\]/y)?.[1];
  if (letters === undefined) return;
  scanner.fail(
    "classes of characters are not known, and a range has numbers only",
    `write ${listOf(letters)}`,
  );
}

/** A list in braces for a class of letters; an example for one that is too long or not plain. */
function listOf(letters: string): string {
  const spelled = letters.replaceAll(
    /([a-z])-([a-z])|([A-Z])-([A-Z])/g,
    (_all, from = "", to = "", upperFrom = "", upperTo = "") =>
      lettersFrom(from + upperFrom, to + upperTo),
  );
  return /^[A-Za-z0-9]+$/.test(spelled) && spelled.length > 1 &&
      spelled.length <= MAX_SPELLED
    ? `{${[...spelled].join(",")}}`
    : "a list in braces, as {a,b}";
}

function lettersFrom(first: string, last: string): string {
  const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)];
  return String.fromCharCode(
    ...Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i),
  );
}
