import { assertEquals } from "@std/assert";
import { Backoff, RECONNECT } from "../../lib/base/backoff.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Backoff that always chooses this part of the window. */
function backoffOf(fraction: number) {
  const clock = new FakeClock();
  const random = { bytes: () => new Uint8Array(), fraction: () => fraction };
  return { clock, backoff: new Backoff(RECONNECT, clock, random) };
}

/** Takes `count` waits, one after the other. */
function waits(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next());
}

Deno.test("the window doubles from 1 s to 60 s", () => {
  const { backoff } = backoffOf(0.5);
  assertEquals(waits(backoff, 8), [
    500,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    30_000,
    30_000,
  ]);
});

Deno.test("a wait may take no time at all, since the jitter is full", () => {
  const { backoff } = backoffOf(0);
  assertEquals(waits(backoff, 3), [0, 0, 0]);
});

Deno.test("a minute of success makes the window the first one again", async () => {
  const { backoff, clock } = backoffOf(0.5);
  waits(backoff, 5);
  backoff.succeeded();
  await clock.advance(59_999);
  assertEquals(backoff.next(), 16_000);
  backoff.succeeded();
  await clock.advance(60_000);
  assertEquals(backoff.next(), 500);
  assertEquals(backoff.next(), 1_000);
});

Deno.test("a least wait comes before the jitter, and widens its window", () => {
  const { backoff } = backoffOf(0.5);
  assertEquals(backoff.next({ atLeast: 10_000 }), 15_000);
  // Only for this call.
  assertEquals(backoff.next(), 1_000);
  assertEquals(backoff.next({ atLeast: 100 }), 2_100);
});

Deno.test("a widened window continues from there", () => {
  const { backoff } = backoffOf(0.5);
  assertEquals(backoff.next({ windowAtLeast: 30_000 }), 15_000);
  assertEquals(backoff.next(), 30_000);
  assertEquals(backoff.next({ windowAtLeast: 1_000 }), 30_000);
});
