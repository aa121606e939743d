import { concat } from "@std/bytes/concat";
import type { Store } from "./store.ts";

/** A piece of output as it is to be kept, or counted. */
export type OutputPiece = Parameters<Store["appendOutput"]>[1];

/** The same with memory of its own, so that it can be given away; of what is only counted, the length. */
export type OwnedPiece =
  & Omit<OutputPiece, "keep" | "bytes">
  & (
    | { readonly keep: true; readonly bytes: Uint8Array<ArrayBuffer> }
    | { readonly keep: false; readonly bytes: { readonly length: number } }
  );

/** Whether a piece is one with the one before it: it begins where that ends, and is kept as that is. */
export function joins(former: OutputPiece, piece: OutputPiece): boolean {
  return piece.cut === 0n && piece.keep === former.keep &&
    piece.offset === former.offset + BigInt(former.bytes.length);
}

/** Pieces that join each other as one: at least one. */
export function joined(pieces: readonly OutputPiece[]): OwnedPiece {
  const [first] = pieces;
  if (first === undefined) {
    throw new TypeError("Cannot join pieces of output: there are none");
  }
  const { stream, offset, cut } = first;
  if (!first.keep) {
    const length = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return { stream, offset, cut, keep: false, bytes: { length } };
  }
  const bytes = concat(pieces.map(({ bytes }) => bytes as Uint8Array));
  return { stream, offset, cut, keep: true, bytes };
}
