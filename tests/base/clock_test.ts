import { assertEquals, assertRejects } from "@std/assert";
import {
  MAX_TIMER_MS,
  sleep,
  systemClock,
  within,
} from "../../lib/base/clock.ts";
import { codeOf } from "../../lib/base/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Replaces the machine's timers by a list of those that are set, until it is disposed of. */
function listedTimers(): {
  set: { ms: number; callback: () => void; id: number }[];
} & Disposable {
  const { setTimeout, clearTimeout } = globalThis;
  const set: { ms: number; callback: () => void; id: number }[] = [];
  let lastId = 0;
  Object.assign(globalThis, {
    setTimeout: (callback: () => void, ms: number) => {
      set.push({ ms, callback, id: ++lastId });
      return lastId;
    },
    clearTimeout: (id: number) => {
      const index = set.findIndex((timer) => timer.id === id);
      set.splice(index, index < 0 ? 0 : 1);
    },
  });
  return {
    set,
    [Symbol.dispose]: () =>
      void Object.assign(globalThis, { setTimeout, clearTimeout }),
  };
}

Deno.test("a timer longer than JavaScript's longest is chained", () => {
  using timers = listedTimers();
  let fired = 0;
  systemClock.timer(2 * MAX_TIMER_MS + 5, () => fired++);
  for (const expected of [MAX_TIMER_MS, MAX_TIMER_MS, 5]) {
    assertEquals(fired, 0);
    const [timer, ...others] = timers.set.splice(0);
    assertEquals([timer?.ms, others.length], [expected, 0]);
    timer?.callback();
  }
  assertEquals([fired, timers.set.length], [1, 0]);
});

Deno.test("a chained timer can be cancelled in any of its parts", () => {
  using timers = listedTimers();
  const timer = systemClock.timer(2 * MAX_TIMER_MS, () => {});
  timers.set.splice(0)[0]?.callback();
  assertEquals(timers.set.length, 1);
  timer.cancel();
  assertEquals(timers.set.length, 0);
});

Deno.test("a timer of at most JavaScript's longest time is set once, also one below zero", () => {
  using timers = listedTimers();
  systemClock.timer(MAX_TIMER_MS, () => {});
  systemClock.timer(-5, () => {});
  assertEquals(timers.set.map(({ ms }) => ms), [MAX_TIMER_MS, 0]);
});

Deno.test("sleep ends after its time, or as soon as its signal is aborted, and leaves no timer", async () => {
  const clock = new FakeClock();
  const slept = sleep(clock, 1_000);
  await clock.advance(1_000);
  await slept;
  const stop = new AbortController();
  const stopped = sleep(clock, 1_000, stop.signal);
  stop.abort();
  await stopped;
  await sleep(clock, 1_000, stop.signal);
  assertEquals(clock.timers, 0);
});

Deno.test("within() settles as its promise does, or rejects as timed out, and leaves no timer", async () => {
  const clock = new FakeClock();
  assertEquals(await within(clock, 10, Promise.resolve(7), "late"), 7);
  const late = assertRejects(() =>
    within(clock, 10, new Promise(() => {}), "Cannot wait")
  );
  await clock.advance(10);
  assertEquals(codeOf(await late), "TIMED_OUT");
  assertEquals(clock.timers, 0);
});
