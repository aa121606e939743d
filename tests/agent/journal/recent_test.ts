import { assertEquals } from "@std/assert";
import {
  RecentBudget,
  RecentOutput,
} from "../../../lib/agent/journal/recent.ts";
import { Limits } from "../../../lib/base/limits.ts";

/** Budget for `pieces` pieces of ten bytes. */
function roomFor(pieces: number): RecentBudget {
  return new RecentBudget(pieces * (10 + Limits.pieceOverhead));
}

/** Ten bytes of a stream, from this offset on. */
function ten(offset: number): Uint8Array {
  return Uint8Array.from({ length: 10 }, (_, index) => offset + index);
}

function filled(pieces: number, budget = roomFor(pieces)): RecentOutput {
  const recent = new RecentOutput(budget);
  for (let i = 0; i < pieces; i++) recent.add(i * 10, ten(i * 10));
  return recent;
}

Deno.test("pieces are read together up to the limit, and none is cut in two for it", () => {
  const recent = filled(3);
  assertEquals(recent.read(0, 25), {
    offset: 0,
    bytes: new Uint8Array([...ten(0), ...ten(10)]),
    cut: 0,
  });
  assertEquals(recent.read(13, 4)?.bytes, ten(10).slice(3, 7));
  assertEquals(
    recent.read(17, 100)?.bytes,
    Uint8Array.of(17, 18, 19, ...ten(20)),
  );
  assertEquals(recent.read(30, 100), undefined);
});

Deno.test("RecentOutput has no bytes below a read any more, nor bytes that it never had", () => {
  const recent = filled(3);
  recent.read(20, 10);
  assertEquals(recent.read(10, 10), undefined);
  assertEquals(recent.read(20, 10)?.bytes, ten(20));
  assertEquals(new RecentOutput(roomFor(1)).read(0, 10), undefined);
});

Deno.test("output without room is on the disk alone, with all before it, and its room is for others", () => {
  const budget = roomFor(2);
  const recent = filled(3, budget);
  assertEquals(recent.read(0, 100), undefined);
  recent.add(30, ten(30));
  assertEquals(recent.read(30, 100)?.bytes, ten(30));
  const other = new RecentOutput(budget);
  other.add(0, ten(0));
  other.add(10, ten(10));
  assertEquals(other.read(0, 100), undefined);
  recent.clear();
  other.add(20, ten(20));
  other.add(30, ten(30));
  assertEquals(other.read(20, 100)?.bytes.length, 20);
});

Deno.test("RecentOutput reads no bytes behind a hole as if they followed", () => {
  const recent = filled(1, roomFor(9));
  recent.add(20, ten(20));
  assertEquals(recent.read(0, 100), undefined);
  recent.add(30, ten(30));
  assertEquals(recent.read(30, 100)?.bytes, ten(30));
});
