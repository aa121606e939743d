import { assertEquals, assertThrows } from "@std/assert";
import type { Clock, Timer } from "../../lib/base/clock.ts";
import { CoarseClock, TICK_MS } from "../../lib/base/coarse_clock.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("a timer ends no sooner than it was set for, and at most a tick later", () => {
  const clock = new FakeClock();
  const coarse = new CoarseClock(clock);
  const late: number[] = [];
  for (const ms of [1_000, 1_001, 14_999.5, 15_000]) {
    clock.advanceNow(7);
    const due = clock.monotonic() + ms;
    coarse.timer(ms, () => late.push(clock.monotonic() - due));
  }
  clock.advanceNow(20_000);
  assertEquals(late.length, 4);
  assertEquals(late.filter((ms) => ms < 0 || ms > TICK_MS), []);
});

Deno.test("timers of one tick share one timer of the clock, and end in the order in which they were set", () => {
  const clock = new FakeClock();
  const coarse = new CoarseClock(clock);
  const ended: number[] = [];
  for (let n = 0; n < 5; n++) coarse.timer(10_001 + n, () => ended.push(n));
  assertEquals(clock.timers, 1);
  clock.advanceNow(10_000 + TICK_MS);
  assertEquals(ended, [0, 1, 2, 3, 4]);
  assertEquals(clock.timers, 0);
});

Deno.test("a cancelled timer does not end, and the last of a tick cancels the clock's timer too", () => {
  const clock = new FakeClock();
  const coarse = new CoarseClock(clock);
  const ended: string[] = [];
  const one = coarse.timer(5_000, () => ended.push("one"));
  const two = coarse.timer(5_000, () => ended.push("two"));
  one.cancel();
  one.cancel();
  assertEquals(clock.timers, 1);
  two.cancel();
  assertEquals(clock.timers, 0);
  coarse.timer(5_000, () => ended.push("three"));
  clock.advanceNow(6_000);
  assertEquals(ended, ["three"]);
});

Deno.test("a timer that is cancelled by another of its tick does not end", () => {
  const clock = new FakeClock();
  const coarse = new CoarseClock(clock);
  const ended: string[] = [];
  coarse.timer(5_000, () => {
    ended.push("first");
    second.cancel();
    coarse.timer(5_000, () => ended.push("third"));
  });
  const second = coarse.timer(5_000, () => ended.push("second"));
  clock.advanceNow(20_000);
  assertEquals(ended, ["first", "third"]);
});

Deno.test("a short timer is as exact as the clock", () => {
  const clock = new FakeClock();
  const coarse = new CoarseClock(clock);
  const at: number[] = [];
  clock.advanceNow(3);
  coarse.timer(20, () => at.push(clock.monotonic()));
  clock.advanceNow(100);
  assertEquals(at, [23]);
});

Deno.test("one timer of the clock serves all ticks, also earlier ones that come later", () => {
  const clock = new FakeClock();
  const coarse = new CoarseClock(clock);
  const ended: string[] = [];
  coarse.timer(9_000, () => ended.push("last"));
  coarse.timer(3_000, () => ended.push("first"));
  const gone = coarse.timer(2_000, () => ended.push("gone"));
  coarse.timer(6_000, () => ended.push("second"));
  assertEquals(clock.timers, 1);
  gone.cancel();
  clock.advanceNow(3_000 + TICK_MS);
  assertEquals(ended, ["first"]);
  clock.advanceNow(3_000);
  assertEquals(ended, ["first", "second"]);
  assertEquals(clock.timers, 1);
  clock.advanceNow(3_000);
  assertEquals(ended, ["first", "second", "last"]);
  assertEquals(clock.timers, 0);
});

Deno.test("timers that are due together end by their times, whatever the order in which they were set", () => {
  const clock = new LateClock();
  const coarse = new CoarseClock(clock);
  const ended: number[] = [];
  for (const ms of [4_000, 2_000, 3_000]) {
    coarse.timer(ms, () => ended.push(ms));
  }
  coarse.timer(8_000, () => ended.push(8_000));
  clock.ringAt(5_000);
  assertEquals(ended, [2_000, 3_000, 4_000]);
  clock.ringAt(8_000);
  assertEquals(ended, [2_000, 3_000, 4_000, 8_000]);
});

Deno.test("a callback that throws holds up no other tick", () => {
  const clock = new FakeClock();
  const coarse = new CoarseClock(clock);
  const ended: string[] = [];
  coarse.timer(2_000, () => {
    throw new Error("of the callback");
  });
  coarse.timer(3_000, () => ended.push("next"));
  assertThrows(() => clock.advanceNow(2_500), Error, "of the callback");
  clock.advanceNow(1_000);
  assertEquals(ended, ["next"]);
});

/** Clock of a process that was held up: its timer ends when the test says so. */
class LateClock implements Clock {
  #now = 0;
  #ring: (() => void) | undefined;

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  timer(_ms: number, callback: () => void): Timer {
    this.#ring = callback;
    return { cancel: () => this.#ring = undefined };
  }

  ringAt(ms: number): void {
    this.#now = ms;
    const ring = this.#ring;
    this.#ring = undefined;
    ring?.();
  }
}

Deno.test("the wait for the next tick is shorter by the time that callbacks took", () => {
  const clock = new FakeClock();
  const waits: number[] = [];
  let taken = 0;
  const coarse = new CoarseClock({
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + taken,
    timer: (ms, callback) => {
      waits.push(ms);
      return clock.timer(ms, callback);
    },
  });
  coarse.timer(10_000, () => taken = 30);
  coarse.timer(10_000 + TICK_MS, () => {});

  clock.advanceNow(10_000 + TICK_MS);

  assertEquals(waits.at(-1), TICK_MS - 30);
});
