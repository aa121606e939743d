import type { BufferPool } from "./buffer_pool.ts";
import type { Store } from "./store.ts";

/** Piece of output to store or to count. */
export type OutputPiece = Parameters<Store["appendOutput"]>[1];

/** Piece with memory of its own, so that it can be given away. A piece that is only counted has its length. */
export type OwnedPiece =
  & Omit<OutputPiece, "keep" | "bytes">
  & (
    | { readonly keep: true; readonly bytes: Uint8Array<ArrayBuffer> }
    | { readonly keep: false; readonly bytes: { readonly length: number } }
  );

/** True if a piece continues the one before it: it begins where that one ends, and both are stored or both counted. */
export function joins(former: OutputPiece, piece: OutputPiece): boolean {
  return piece.cut === 0n && piece.keep === former.keep &&
    piece.offset === former.offset + BigInt(former.bytes.length);
}

/** Joins consecutive pieces into one, which came when the first of them did. There must be at least one. */
export function joined(
  pieces: readonly OutputPiece[],
  buffers: BufferPool,
): OwnedPiece {
  const [first] = pieces;
  if (first === undefined) {
    throw new TypeError("Cannot join pieces of output: there are none");
  }
  const { stream, offset, cut } = first;
  const at = first.at === undefined ? {} : { at: first.at };
  const drop = pieces.at(-1)?.drop;
  if (!first.keep) {
    const length = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return { stream, offset, cut, ...at, keep: false, bytes: { length }, drop };
  }
  const bytes = buffers.joined(pieces.map(({ bytes }) => bytes as Uint8Array));
  return { stream, offset, cut, ...at, keep: true, bytes, drop };
}
