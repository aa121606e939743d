import { assertEquals } from "@std/assert";
import type { Clock } from "../../lib/base/clock.ts";
import {
  LIVENESS,
  Liveness,
  type LivenessTimes,
} from "../../lib/wire/liveness.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Watches a peer, and notes the times in seconds at which it was pinged and given up. */
function watch(times: LivenessTimes = LIVENESS) {
  const clock = new FakeClock();
  const started = clock.monotonic();
  const seconds = () => (clock.monotonic() - started) / 1_000;
  const log: string[] = [];
  const set: number[] = [];
  const counting: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    timer: (ms, callback) => {
      set.push(ms);
      return clock.timer(ms, callback);
    },
  };
  const liveness = new Liveness(counting, times, {
    ping: () => log.push(`ping at ${seconds()}`),
    dead: () => log.push(`dead at ${seconds()}`),
  });
  return { clock, liveness, log, set };
}

Deno.test("a peer that never says anything is pinged after 15 s and given up after 25 s", async () => {
  const { clock, log } = watch();
  await clock.advance(120_000);
  assertEquals(log, ["ping at 15", "dead at 25"]);
  assertEquals(clock.timers, 0);
});

Deno.test("a peer that goes silent at any moment is given up within 25 s", async () => {
  for (let last = 0; last <= 60_000; last += 1_250) {
    const { clock, liveness, log } = watch();
    for (let at = 0; at < last; at += 1_250) {
      clock.advanceNow(1_250);
      liveness.heard();
    }
    clock.advanceNow(24_999 + 1);
    assertEquals(log.at(-1)?.startsWith("dead"), true, `after ${last} ms`);
    await Promise.resolve();
  }
});

Deno.test("any byte settles the ping", async () => {
  const { clock, liveness, log } = watch();
  await clock.advance(24_999);
  liveness.heard();
  await clock.advance(5_001);
  assertEquals(log, ["ping at 15", "ping at 30"]);
  await clock.advance(9_999);
  liveness.heard();
  await clock.advance(1_000);
  assertEquals(log.length, 2);
});

Deno.test("bytes from before the ping was due do not settle it", async () => {
  const { clock, liveness, log } = watch();
  await clock.advance(14_999);
  liveness.heard();
  await clock.advance(10_001);
  assertEquals(log, ["ping at 15", "dead at 25"]);
});

Deno.test("pings each second are timed from the oldest that is not settled", async () => {
  const { clock, log } = watch({ intervalMs: 1_000, timeoutMs: 10_000 });
  await clock.advance(60_000);
  assertEquals(log.filter((line) => line.startsWith("ping")).length, 10);
  assertEquals(log.at(-1), "dead at 11");
});

Deno.test("a talkative peer causes only a few timers in an interval", async () => {
  const { clock, liveness, log, set } = watch();
  for (let count = 0; count < 6_000; count++) {
    await Promise.resolve();
    clock.advanceNow(10);
    liveness.heard();
  }
  assertEquals(log, ["ping at 15", "ping at 30", "ping at 45", "ping at 60"]);
  assertEquals(set.length <= 2 * 4 + 1, true, `${set.length} timers`);
  assertEquals(Math.min(...set) >= 1_000, true, `${set}`);
});

Deno.test("no timer is faster than a second, even with the fastest ping", () => {
  const { clock, liveness, set } = watch({
    intervalMs: 1_000,
    timeoutMs: 10_000,
  });
  for (let count = 0; count < 100; count++) {
    clock.advanceNow(250);
    liveness.heard();
  }
  assertEquals(Math.min(...set) >= 1_000, true, `${set}`);
});

Deno.test("a stopped liveness does nothing more", async () => {
  const { clock, liveness, log } = watch();
  await clock.advance(16_000);
  liveness.stop();
  await clock.advance(100_000);
  assertEquals(log, ["ping at 15"]);
  assertEquals(clock.timers, 0);
});
