import { assertEquals, assertThrows } from "@std/assert";
import { BufferPool } from "../../lib/store/buffer_pool.ts";
import {
  joined as joinedIn,
  type OutputPiece,
} from "../../lib/store/output_piece.ts";

const joined = (pieces: readonly OutputPiece[]) =>
  joinedIn(pieces, new BufferPool());

function piece(
  offset: bigint,
  { keep = true, below }: { keep?: boolean; below?: bigint } = {},
): OutputPiece {
  const drop = below === undefined ? undefined : { from: 1n, below };
  const bytes = new Uint8Array(2).fill(Number(offset));
  return { stream: "stdout", offset, bytes, cut: 0n, keep, drop };
}

Deno.test("joining no pieces of output is our bug", () => {
  assertThrows(
    () => joined([]),
    TypeError,
    "Cannot join pieces of output: there are none",
  );
});

Deno.test("joined pieces drop what the last of them drops", () => {
  const later = [piece(4n), piece(6n, { below: 3n }), piece(8n, { below: 5n })];

  assertEquals(joined(later).drop, { from: 1n, below: 5n });
  // A watcher has come that has not read what the first may drop.
  assertEquals(joined([piece(6n, { below: 3n }), piece(8n)]).drop, undefined);
  assertEquals(joined(later).bytes, new Uint8Array([4, 4, 6, 6, 8, 8]));
});

Deno.test("joined pieces came when the first of them did", () => {
  const pieces = [{ ...piece(4n), at: 5 }, { ...piece(6n), at: 9 }];

  assertEquals(joined(pieces).at, 5);
  assertEquals(joined([piece(4n), { ...piece(6n), at: 9 }]).at, undefined);
});
