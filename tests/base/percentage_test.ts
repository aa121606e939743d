import { assertEquals } from "@std/assert";
import { percentOf } from "../../lib/base/percentage.ts";

Deno.test("a percentage of a total is rounded up, and by no error of the multiplication", () => {
  for (
    const [percent, total, number] of [
      [0, 10, 0],
      [100, 7, 7],
      [10, 11, 2],
      [0.01, 3, 1],
      [64.4, 250, 161],
      [8.8, 375, 33],
      [32.2, 500, 161],
      [4.4, 750, 33],
      [4.5, 750, 34],
    ] as const
  ) {
    assertEquals(percentOf(percent, total), number, `${percent} % of ${total}`);
  }
});
