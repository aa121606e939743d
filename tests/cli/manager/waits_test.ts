import { assertEquals } from "@std/assert";
import { type Wait, Waits } from "../../../lib/cli/manager/waits.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** News as they were told: those that were told together as one text. */
function listen(gatherMs: number) {
  const clock = new FakeClock();
  const told: string[] = [];
  const waits = new Waits<string, string>(clock, {
    gatherMs,
    tell: (news) => {
      told.push(
        news.map(({ item, phase, reason }) => `${item} ${phase} ${reason}`)
          .join(", "),
      );
      return Promise.resolve();
    },
  });
  const change = (key: string, reason?: Wait["reason"]) =>
    waits.change(
      key,
      key,
      reason === undefined ? undefined : { reason, since: clock.now() },
    );
  return { clock, told, waits, change };
}

Deno.test("agents that begin to wait within the time are told together", async () => {
  const { clock, told, change } = listen(1_000);
  await change("a", "away");
  await clock.advance(400);
  await change("b", "queued");
  await clock.advance(599);
  const early = [...told];
  await clock.advance(1);

  assertEquals(early, []);
  assertEquals(told, ["a begins away, b begins queued"]);
});

Deno.test("a wait that is over before it was told is not told", async () => {
  const { clock, told, change } = listen(1_000);
  await change("a", "away");
  await clock.advance(900);
  await change("a");
  await clock.advance(100_000);

  assertEquals(told, []);
});

Deno.test("a wait that was told is told when it is over, unless that lasts for a moment only", async () => {
  const { clock, told, change } = listen(1_000);
  await change("a", "away");
  await clock.advance(5_000);
  await change("a");
  await clock.advance(500);
  await change("a", "away");
  await clock.advance(5_000);
  await change("a");
  await clock.advance(1_000);

  assertEquals(told, ["a begins away", "a over away"]);
});

Deno.test("one reason after the other is told as the end of the first, then the second in its time", async () => {
  const { clock, told, change } = listen(0);
  await change("a", "away");
  await change("a", "untaken");
  const soon = [...told];
  await clock.advance(4_999);
  const early = told.length;
  await clock.advance(1);

  assertEquals(soon, ["a begins away", "a over away"]);
  assertEquals([early, told.slice(early)], [2, ["a begins untaken"]]);
});

Deno.test("waits that last are told again after a minute, ten minutes and each hour", async () => {
  const { clock, told, change } = listen(1_000);
  await change("a", "away");
  const at: number[] = [];
  let count = 0;
  for (let second = 1; second <= 7_300; second++) {
    await clock.advance(1_000);
    if (told.length > count) at.push(second);
    count = told.length;
  }

  assertEquals(at, [1, 60, 600, 3_600, 7_200]);
  assertEquals(told.at(-1), "a again away");
});

Deno.test("a wait that is forgotten or closed tells nothing more, and leaves no timer", async () => {
  const { clock, told, waits, change } = listen(1_000);
  await change("a", "away");
  await change("b", "away");
  waits.forget("a");
  await clock.advance(1_000);
  waits.close();
  await clock.advance(10_000_000);

  assertEquals(told, ["b begins away"]);
  assertEquals(clock.timers, 0);
});
