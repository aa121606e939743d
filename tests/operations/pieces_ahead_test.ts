import { assertEquals } from "@std/assert";
import { PiecesAhead, type Range } from "../../lib/operations/pieces_ahead.ts";

/** Pieces of one byte, with the offsets that were asked for. */
function piecesOf(count: number) {
  const asked: number[] = [];
  const ranges = Array.from(
    { length: count },
    (_, offset): Range => ({ offset, length: 1 }),
  );
  const pieces = new PiecesAhead(ranges, ({ offset }) => {
    asked.push(offset);
    return Promise.resolve(new Uint8Array([offset]));
  });
  return { asked, pieces };
}

Deno.test("pieces are asked for eight at a time once the window is open", () => {
  const { asked, pieces } = piecesOf(100);

  pieces.ask(16);
  const steps = Array.from({ length: 9 }, () => {
    pieces.take();
    pieces.ask(16);
    return asked.length;
  });

  assertEquals(steps, [16, 16, 16, 16, 16, 16, 16, 24, 24]);
});

Deno.test("pieces come in order, and none after the last", async () => {
  const { asked, pieces } = piecesOf(3);

  pieces.ask(16);
  const taken = [pieces.take(), pieces.take(), pieces.take(), pieces.take()];
  const bytes = await Promise.all(taken.map((piece) => piece?.answer));

  assertEquals(asked, [0, 1, 2]);
  assertEquals(bytes.map((piece) => piece?.[0]), [0, 1, 2, undefined]);
});

Deno.test("a small window is refilled once it is empty", () => {
  const { asked, pieces } = piecesOf(10);

  pieces.ask(1);
  pieces.ask(2);
  const before = asked.length;
  pieces.take();
  pieces.ask(2);

  assertEquals([before, asked.length], [1, 3]);
});
