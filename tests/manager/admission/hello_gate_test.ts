import { assert, assertEquals, assertRejects } from "@std/assert";
import { Counters } from "../../../lib/base/counters.ts";
import {
  HelloGate,
  MAX_HELLOS,
  MAX_SLOW_HELLOS,
  SLOW_HELLO_MS,
} from "../../../lib/manager/admission/hello_gate.ts";
import { Refusal } from "../../../lib/wire/connection.ts";
import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

/** A full gate, whose random times are always at the end of the window. */
function fullGate() {
  const clock = new FakeClock();
  const counters = new Counters();
  const gate = new HelloGate({
    clock,
    counters,
    random: { bytes: () => new Uint8Array(), fraction: () => 1 },
    maxHellos: 1,
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const inside = gate.pass(() => promise);
  return { clock, counters, gate, inside, leaves: resolve };
}

async function retryAfter(gate: HelloGate): Promise<number> {
  const refusal = await assertRejects(
    () => gate.pass(() => Promise.reject(new Error("it was looked at"))),
    Refusal,
  );
  return refusal.retryAfterMs;
}

Deno.test("a hello at a full gate is refused at once, and counted", async () => {
  const { gate, counters, inside, leaves } = fullGate();
  assertEquals(gate.inFlight, 1);
  await retryAfter(gate);
  assertEquals(counters.all(), { hellos_turned_away: 1n });
  leaves();
  await inside;
  assertEquals(gate.inFlight, 0);
});

Deno.test("a failed hello makes room", async () => {
  const { gate, inside, leaves } = fullGate();
  leaves();
  await inside;
  await assertRejects(() => gate.pass(() => Promise.reject(new Error("no"))));
  assertEquals(gate.inFlight, 0);
  await gate.pass(() => Promise.resolve());
});

Deno.test("the window grows with each refused hello, and shrinks as time passes", async () => {
  const { gate, clock } = fullGate();
  assertEquals(await retryAfter(gate), 1_005);
  assertEquals(await retryAfter(gate), 1_010);
  for (let count = 0; count < 998; count++) await retryAfter(gate);
  assertEquals(await retryAfter(gate), 6_005);
  await clock.advance(3_000);
  assertEquals(await retryAfter(gate), 3_010);
  await clock.advance(60_000);
  assertEquals(await retryAfter(gate), 1_005);
});

Deno.test("an agent is asked to wait for at most five minutes", async () => {
  const { gate } = fullGate();
  for (let count = 0; count < 70_000; count++) {
    await gate.pass(() => Promise.resolve()).catch(() => {});
  }
  assertEquals(await retryAfter(gate), 300_000);
});

Deno.test("a whole fleet that comes back at once is admitted", async () => {
  await using core = await MemoryManager.start();
  const letGo = core.slow.hold("agent");
  for (let count = 0; count < MAX_SLOW_HELLOS; count++) {
    await core.hello("nobody");
  }
  await core.knows("web-1");
  const late = await core.hello("web-1");
  letGo();
  await late.hears("serverHello");
  assertEquals(core.counters.all()["hellos_turned_away"], undefined);
});

Deno.test("at most MAX_HELLOS hellos are handled at a time, even quick ones", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const gate = new HelloGate({
    clock: new FakeClock(),
    counters: new Counters(),
    random: { bytes: () => new Uint8Array(), fraction: () => 1 },
  });
  const inside = Array.from(
    { length: MAX_HELLOS },
    () => gate.pass(() => promise),
  );
  assertEquals(await retryAfter(gate), 1_005);
  resolve();
  await Promise.all(inside);
});

Deno.test("the limit is low as long as the oldest hello is slow", async () => {
  const clock = new FakeClock();
  const gate = new HelloGate({
    clock,
    counters: new Counters(),
    random: { bytes: () => new Uint8Array(), fraction: () => 1 },
  });
  const slow = Promise.withResolvers<void>();
  const quick = Promise.withResolvers<void>();
  const inside = [gate.pass(() => slow.promise)];
  await clock.advance(SLOW_HELLO_MS - 1);
  for (let count = 0; count < MAX_SLOW_HELLOS; count++) {
    inside.push(gate.pass(() => quick.promise));
  }
  await clock.advance(1);
  await retryAfter(gate);
  slow.resolve();
  await inside[0];
  inside.push(gate.pass(() => quick.promise));
  quick.resolve();
  await Promise.all(inside);
});

Deno.test("hellos beyond the limit get Bye without a query while the store is slow", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("web-2");
  const letGo = core.slow.hold("agent");
  const first = await core.hello("web-1");
  for (let count = 1; count < MAX_SLOW_HELLOS; count++) {
    await core.hello("nobody");
  }
  await core.clock.advance(SLOW_HELLO_MS);
  const late = await core.hello("web-2");
  const { code, retryAfterMs = 0 } = await late.hears("bye");
  await late.hearsTheEnd();
  assertEquals(code, Bye_Code.BUSY);
  assert(retryAfterMs >= 1_000, `asked to wait ${retryAfterMs} ms`);
  assertEquals(core.counters.all()["hellos_turned_away"], 1n);
  letGo();
  await first.hears("serverHello");
  await core.admitted("web-2");
});
