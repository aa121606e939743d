import { assertEquals } from "@std/assert";
import { DialFailures } from "../../../lib/agent/link/dial_failures.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("the first five failed dials are told, then one every 10 minutes with a count", async () => {
  const clock = new FakeClock();
  const failures = new DialFailures(clock);
  const told: (number | undefined)[] = [];
  for (let minute = 0; minute < 26; minute++) {
    told.push(failures.note("refused"));
    await clock.advance(60_000);
  }

  assertEquals(told.slice(0, 6), [0, 0, 0, 0, 0, undefined]);
  assertEquals(
    told.flatMap((count, minute) => count ? [[minute, count]] : []),
    [[14, 9], [24, 9]],
  );
});

Deno.test("a failure of another kind is told at once, and so is the first one after a success", () => {
  const failures = new DialFailures(new FakeClock());
  for (let each = 0; each < 8; each++) failures.note("refused");

  assertEquals(failures.note("no answer"), 3);
  assertEquals(failures.note("no answer"), undefined);
  failures.clear();
  assertEquals(failures.note("no answer"), 0);
});
