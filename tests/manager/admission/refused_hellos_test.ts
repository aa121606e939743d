import { assertEquals, assertMatch } from "@std/assert";
import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  MAX_ORIGINS,
  RefusedHellos,
} from "../../../lib/manager/admission/refused_hellos.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

/** Refused hellos whose events are noted. */
function noted() {
  const clock = new FakeClock();
  const texts: string[] = [];
  const agents: (string | null)[] = [];
  const events = {
    addDraft: (
      _kind: string,
      text: string,
      { agent = null }: { agent?: string | null } = {},
    ) => {
      const at = texts.push(text) - 1;
      agents.push(agent);
      return (final: string) => void (texts[at] = final);
    },
  };
  const refused = new RefusedHellos({ events, clock });
  return {
    clock,
    texts,
    agents,
    refused,
    add: (host: string, name: string, isKnown = false) =>
      refused.add({ name, isKnown, host, text: `${name} from ${host}` }),
  };
}

Deno.test("10000 refused hellos from 5 addresses in a minute are 5 events with their counts", async () => {
  const { clock, texts, refused, add } = noted();
  for (let count = 0; count < 10_000; count++) {
    add(`10.0.0.${count % 5}`, "nobody");
    if (count % 200 === 0) await clock.advance(1_000);
  }
  await clock.advance(60_000);
  assertEquals(
    texts,
    [0, 1, 2, 3, 4].map((end) =>
      `nobody from 10.0.0.${end} (2000 times within a minute)`
    ),
  );
  assertEquals(refused.size, 0);
});

Deno.test("names that are made up share the event of their address, which lists some of them", async () => {
  const { clock, texts, add } = noted();
  for (let count = 0; count < 1_000; count++) add("10.0.0.1", `x${count}`);
  await clock.advance(60_000);
  assertEquals(texts, [
    'x0 from 10.0.0.1 (1000 times within a minute, also as "x1", "x2" and others)',
  ]);
});

Deno.test("agents that exist have events of their own, also behind one address", async () => {
  const { clock, texts, agents, add } = noted();
  for (const name of ["web-1", "web-2", "web-1"]) add("10.0.0.1", name, true);
  add("10.0.0.1", "nobody");
  await clock.advance(60_000);
  assertEquals(texts, [
    "web-1 from 10.0.0.1 (2 times within a minute)",
    "web-2 from 10.0.0.1",
    "nobody from 10.0.0.1",
  ]);
  assertEquals(agents, ["web-1", "web-2", "nobody"]);
});

Deno.test("an IPv6 network of /64 is one address", async () => {
  const { clock, texts, add } = noted();
  for (let count = 1; count < 500; count++) {
    add(`2001:db8::${count.toString(16)}`, "nobody");
  }
  await clock.advance(60_000);
  assertEquals(texts, [
    "nobody from 2001:db8::1 (499 times within a minute)",
  ]);
});

Deno.test("further addresses share one event, in bounded memory, until the minute is over", async () => {
  const { clock, texts, agents, refused, add } = noted();
  for (let count = 0; count < 5_000; count++) {
    add(`10.1.${count >> 8}.${count & 255}`, "nobody");
  }
  assertEquals(refused.size, MAX_ORIGINS + 1);
  assertEquals(texts.length, MAX_ORIGINS + 1);
  await clock.advance(60_000);
  assertEquals(
    texts.at(-1),
    "nobody from 10.1.3.232 (4000 times within a minute, from addresses beyond the first 1000)",
  );
  assertEquals(agents.at(-1), null);
  assertEquals(refused.size, 0);
});

Deno.test("the next minute is another event, and a stop of the Manager tells the count so far", async () => {
  const { clock, texts, refused, add } = noted();
  for (let second = 0; second < 90; second++) {
    add("10.0.0.1", "nobody");
    await clock.advance(1_000);
  }
  refused.close();
  assertEquals(texts, [
    "nobody from 10.0.0.1 (60 times within a minute)",
    "nobody from 10.0.0.1 (30 times within a minute)",
  ]);
});

Deno.test("the database has one event of many refused hellos, with their count", async () => {
  await using core = await MemoryManager.start();
  for (let count = 0; count < 20; count++) {
    const peer = await core.hello("nobody");
    assertEquals((await peer.hears("bye")).reason, "auth failed");
  }
  await core.clock.advance(60_000);
  const [event, ...others] = await core.seen({ kinds: ["agent_refused"] });
  assertEquals(others, []);
  assertEquals(
    event,
    'agent_refused: "nobody" was turned away from 10.1.2.3:5000: there is no agent of that name; add it by "piri-manager agent add nobody" (20 times within a minute)',
  );
});

Deno.test("the database has one event of many hellos of a removed agent, with their count", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1", { session: 1n });
  await core.agents.remove("web-1");
  agent.hangUp();
  await core.clock.settle();
  for (let count = 0; count < 20; count++) {
    const peer = await core.hello("web-1", { session: 2n });
    assertEquals((await peer.hears("bye")).code, Bye_Code.REMOVED);
  }
  await core.clock.advance(60_000);
  const [event, ...others] = await core.seen({ kinds: ["agent_refused"] });

  assertEquals(others, []);
  assertMatch(
    event ?? "",
    /"web-1" was turned away .*: it was removed at .* \(20 times within a minute\)$/,
  );
});
