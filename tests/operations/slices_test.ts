import { assertEquals } from "@std/assert";
import { Slices } from "../../lib/operations/slices.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("a slice is over after ten milliseconds, and the next one after ten more", async () => {
  const clock = new FakeClock();
  const slices = new Slices(clock);
  const seen: boolean[] = [];

  for (const ms of [9, 1]) {
    clock.standStill(ms);
    seen.push(slices.isOver);
  }
  const rest = slices.rest();
  await clock.advance(0);
  await rest;
  seen.push(slices.isOver);
  clock.standStill(10);
  seen.push(slices.isOver);

  assertEquals(seen, [false, true, false, true]);
});
