import { assertEquals } from "@std/assert";
import { MemoryManager } from "../support/memory_manager.ts";

Deno.test("a ping is measured from its Ping to the Pong with the same number", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1", { groups: [] });
  await core.knows("web-2", { groups: [] });
  const peer = await core.admitted("web-1", { agentVersion: "0.1.0" });

  const pinging = core.agents.ping({ expressions: ["all"] }, 5_000);
  const { data } = await peer.hears("ping");
  await core.clock.advance(30);
  // The Pong of a Ping of liveness comes first.
  await peer.says("pong", { data: 0 });
  await core.clock.advance(12);
  await peer.says("pong", { data });
  const { agents } = await pinging;

  assertEquals(
    agents.map(({ name, connected, roundTripMs, version }) => ({
      name,
      connected,
      roundTripMs,
      version,
    })),
    [
      { name: "web-1", connected: true, roundTripMs: 42, version: "0.1.0" },
      { name: "web-2", connected: false, roundTripMs: undefined, version: "" },
    ],
  );
});

Deno.test("an agent that does not answer a ping in time has no round trip", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1", { groups: [] });
  const peer = await core.admitted("web-1");

  const pinging = core.agents.ping({ expressions: ["web-1"] }, 5_000);
  const first = await peer.hears("ping");
  await core.clock.advance(5_000);
  const { agents } = await pinging;
  const again = core.agents.ping({ expressions: ["web-1"] }, 5_000);
  const second = await peer.hears("ping");
  await peer.says("pong", { data: first.data });
  await core.clock.advance(7);
  await peer.says("pong", { data: second.data });
  const answered = await again;

  assertEquals(agents.map(({ roundTripMs }) => roundTripMs), [undefined]);
  assertEquals(answered.agents.map(({ roundTripMs }) => roundTripMs), [7]);
});

Deno.test("names are those of enrolled agents with their groups and facts, or of all entries", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-10", { groups: ["web", "prod"] });
  await core.knows("web-2", { groups: ["web"] });
  await core.admitted("web-2", { facts: { os: "linux" } });
  await core.agents.add({ id: "web-new", groups: ["new"], cidrs: [] });
  const all = {
    prefix: "",
    agents: true,
    groups: true,
    facts: true,
    notEnrolled: false,
  };

  const enrolled = core.agents.names(all);
  const begun = core.agents.names({ ...all, prefix: "web-", facts: false });
  const everybody = core.agents.names({ ...all, notEnrolled: true });

  assertEquals(enrolled.agents, ["web-2", "web-10"]);
  assertEquals(enrolled.groups, ["prod", "web"]);
  assertEquals(enrolled.facts.includes("os"), true);
  assertEquals(begun, { agents: ["web-2", "web-10"], groups: [], facts: [] });
  assertEquals(everybody.agents, ["web-2", "web-10", "web-new"]);
  assertEquals(everybody.groups, ["new", "prod", "web"]);
});
