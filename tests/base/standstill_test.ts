import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { Standstill } from "../../lib/base/standstill.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Times that a watch with a limit of 10 s has noticed, in seconds. */
function watched(clock: Clock): { noticed: number[]; watch: Standstill } {
  const noticed: number[] = [];
  const watch = new Standstill(
    clock,
    10_000,
    (ms) => noticed.push(Math.round(ms / 1_000)),
  );
  return { noticed, watch };
}

Deno.test("a stop for longer than the limit is noticed once, by the next look or beat", async () => {
  const clock = new FakeClock();
  const { noticed, watch } = watched(clock);
  using _ = watch;

  clock.standStill(11_000);
  watch.look();
  watch.look();
  assertEquals(noticed, [11]);
  await clock.advance(1_000);
  clock.standStill(600_000);
  await clock.advance(0);
  assertEquals(noticed, [11, 601]);
});

Deno.test("the watch notices nothing while the loop beats, however long nobody looks", async () => {
  const clock = new FakeClock();
  const { noticed, watch } = watched(clock);
  using _ = watch;

  await clock.advance(3_600_000);
  clock.standStill(4_900);
  await clock.advance(60_000);
  assertEquals(noticed, []);
});

Deno.test("time that the monotonic clock does not count is noticed by the time of day", () => {
  const clock = new FakeClock();
  const { noticed, watch } = watched(clock);
  using _ = watch;

  clock.jump(3_600_000);
  watch.look();
  assertEquals(noticed, [3_600]);
});

Deno.test("a time of day that somebody set is no stop where the system tells how long it was suspended", () => {
  let suspended = 500;
  const clock = Object.assign(new FakeClock(), { suspended: () => suspended });
  const { noticed, watch } = watched(clock);
  using _ = watch;

  clock.jump(3_600_000);
  watch.look();
  clock.jump(-7_200_000);
  watch.look();
  assertEquals(noticed, []);
  suspended += 30_000;
  clock.jump(30_000);
  watch.look();
  assertEquals(noticed, [30]);
});

Deno.test("a suspension is noticed by the next beat, though somebody set the time of day back", async () => {
  let suspended = 500;
  const clock = Object.assign(new FakeClock(), { suspended: () => suspended });
  const { noticed, watch } = watched(clock);
  using _ = watch;

  await clock.advance(20_000);
  suspended += 30_000;
  await clock.advance(5_000);

  assertEquals(noticed, [35]);
});

Deno.test("short suspensions do not add up to a stop, whatever the time of day says later", async () => {
  let suspended = 500;
  const clock = Object.assign(new FakeClock(), { suspended: () => suspended });
  const { noticed, watch } = watched(clock);
  using _ = watch;

  for (let count = 0; count < 10; count++) {
    suspended += 4_000;
    clock.jump(4_000);
    await clock.advance(5_000);
  }
  clock.jump(3_600_000);
  watch.look();

  assertEquals(noticed, []);
});

Deno.test("a watch that is over sets no timer", () => {
  const clock = new FakeClock();
  watched(clock).watch[Symbol.dispose]();
  assertEquals(clock.timers, 0);
});

Deno.test({
  name: "the system's clock tells how long the machine was suspended",
  ignore: Deno.build.os !== "linux",
  fn() {
    const one = systemClock.suspended?.() ?? NaN;
    const other = systemClock.suspended?.() ?? NaN;
    assert(Math.abs(other - one) < 1_000, `${one}, then ${other}`);
  },
});
