import { assertEquals, assertRejects } from "@std/assert";
import { QuickCalls } from "../../lib/base/quick_calls.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Calls that take the given times, in milliseconds. Returns where each was made. */
async function placesOf(...times: readonly number[]): Promise<string[]> {
  const clock = new FakeClock();
  const calls = new QuickCalls(clock);
  const places: string[] = [];
  for (const ms of times) {
    const place = await calls.call({
      here: () => {
        clock.standStill(ms);
        return "here";
      },
      elsewhere: () => {
        clock.standStill(ms);
        return Promise.resolve("elsewhere");
      },
    });
    places.push(place);
  }
  return places;
}

Deno.test("a call blocks its thread only after a quick one", async () => {
  assertEquals(await placesOf(0, 0, 0), ["elsewhere", "here", "here"]);
  assertEquals(await placesOf(9, 9, 0), [
    "elsewhere",
    "elsewhere",
    "elsewhere",
  ]);
});

Deno.test("a disk that becomes slow holds the thread once, until it is quick again", async () => {
  assertEquals(await placesOf(0, 9, 9, 0, 0), [
    "elsewhere",
    "here",
    "elsewhere",
    "elsewhere",
    "here",
  ]);
});

Deno.test("a call that fails fails the same in both ways", async () => {
  const calls = new QuickCalls(new FakeClock());
  const full = () => {
    throw new Deno.errors.WriteZero("full");
  };
  const ways = { here: full, elsewhere: () => Promise.resolve().then(full) };

  await assertRejects(() => calls.call(ways), Deno.errors.WriteZero);
  await assertRejects(() => calls.call(ways), Deno.errors.WriteZero);
});
