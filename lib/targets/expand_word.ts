import type { Piece } from "./target_expression.ts";

/** All texts that the pieces of a word stand for, in order. Wildcards stay as they are. */
export function expandWord(pieces: readonly Piece[]): readonly string[] {
  return pieces.reduce<readonly string[]>(
    (beginnings, piece) => {
      const ends = expandPiece(piece);
      return ends.length === 1
        ? beginnings.map((beginning) => beginning + ends[0])
        : beginnings.flatMap((beginning) => ends.map((end) => beginning + end));
    },
    [""],
  );
}

function expandPiece(piece: Piece): readonly string[] {
  switch (piece.kind) {
    case "text":
      return [piece.text];
    case "any":
      return ["*"];
    case "one":
      return ["?"];
    case "choice":
      return piece.of.flatMap(expandWord);
    case "range":
      return piece.spans.flatMap(({ from, to, step }) =>
        Array.from(
          { length: Math.floor((to - from) / step) + 1 },
          (_, index) => String(from + index * step).padStart(piece.width, "0"),
        )
      );
  }
}
