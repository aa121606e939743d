import { assertEquals, assertLess } from "@std/assert";
import { Backoff, RECONNECT } from "../../../lib/base/backoff.ts";
import {
  briefWindowMs,
  reconnectWindowMs,
} from "../../../lib/manager/admission/reconnect_window.ts";
import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import { Seeded } from "../../support/seeded.ts";

/** Most dials a second that a fleet makes while its Manager is away, on average: docs/protocol.md, "Timers". */
const RATE = 167;

/** Time for which the Manager is away, in milliseconds. */
const AWAY_MS = 600_000;

/** Times of an agent's dials until the first one after the absence, in milliseconds from its begin. */
function dialsOf(agents: number, random: Seeded): number[] {
  const backoff = new Backoff(RECONNECT, new FakeClock(), random);
  backoff.limit(reconnectWindowMs(agents));
  const dials: number[] = [];
  let at = 0;
  while (at < AWAY_MS) {
    at += backoff.next();
    dials.push(at);
  }
  return dials;
}

Deno.test("the window grows with the fleet from 5 s to 60 s", () => {
  const sizes = [0, 5, 416, 1_000, 5_000, 10_000, 1_000_000];
  assertEquals(sizes.map(reconnectWindowMs), [
    5_000,
    5_000,
    5_000,
    12_000,
    60_000,
    60_000,
    60_000,
  ]);
});

Deno.test("the window of a Manager that is there for a minute grows with the fleet from 15 s to 60 s", () => {
  const sizes = [0, 5, 1_000, 2_000, 5_000, 1_000_000];
  assertEquals(sizes.map(briefWindowMs), [
    15_000,
    15_000,
    15_000,
    24_000,
    60_000,
    60_000,
  ]);
});

Deno.test("a Manager that is there for a minute tells its window, and asks to come back after half of it", async () => {
  await using core = await MemoryManager.start({ brief: true });
  await core.knows("web-1");
  core.fleet.known = 2_000;
  const agent = await core.hello("web-1");
  const { reconnectWindowMs } = await agent.hears("serverHello");
  const stopped = core.shutdown();
  const { code, retryAfterMs } = await agent.hears("bye");
  await core.clock.advance(10_000);
  await stopped;

  assertEquals(
    [reconnectWindowMs, code, retryAfterMs],
    [24_000, Bye_Code.SHUTDOWN, 12_000],
  );
});

Deno.test("five agents are back within 5 s of a Manager that was away for 10 minutes, for any seed", () => {
  for (let seed = 0; seed < 1_000; seed++) {
    const random = new Seeded(seed);
    for (let agent = 0; agent < 5; agent++) {
      assertLess((dialsOf(5, random).at(-1) ?? Infinity) - AWAY_MS, 5_000);
    }
  }
});

for (const agents of [400, 1_000, 5_000]) {
  Deno.test(`${agents} agents dial less often than the documented rate while their Manager is away`, () => {
    const random = new Seeded(agents);
    const seconds = Array.from({ length: AWAY_MS / 1_000 }, () => 0);
    for (let agent = 0; agent < agents; agent++) {
      for (const at of dialsOf(agents, random).slice(0, -1)) {
        const second = Math.floor(at / 1_000);
        seconds[second] = (seconds[second] ?? 0) + 1;
      }
    }
    // The first windows are narrow, as they always were.
    const steady = seconds.slice(180);
    const mean = steady.reduce((sum, count) => sum + count) / steady.length;
    assertLess(mean, RATE * 1.05);
    assertLess(Math.max(...steady), RATE * 1.5);
  });
}

Deno.test("the hello of the Manager tells the window of its fleet, of all agents that it knows", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const small = await core.admitted("web-1", {});
  assertEquals(small.heardSoFar(), []);
  const windows: (number | undefined)[] = [];
  for (const known of [5, 1_000, 9_999]) {
    core.fleet.known = known;
    const agent = await core.hello("web-1");
    windows.push((await agent.hears("serverHello")).reconnectWindowMs);
  }
  assertEquals(windows, [5_000, 12_000, 60_000]);
});

Deno.test("the size of the fleet follows what is added and removed", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("web-2");
  const again = await core.restarted();
  assertEquals(again.fleet.known, 2);
  await again.agents.add({ id: "web-3", groups: [], cidrs: [] });
  assertEquals(again.fleet.known, 3);
  await again.agents.remove("web-1");
  assertEquals(again.fleet.known, 2);
});

Deno.test("a legacy agent is told no window", async () => {
  await using core = await MemoryManager.start();
  await core.knows("old-1");
  const agent = await core.hello("old-1", { protocol: 0, features: [] });
  assertEquals((await agent.hears("serverHello")).reconnectWindowMs, undefined);
});
