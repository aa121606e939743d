import { assertEquals } from "@std/assert";
import { AgentCore } from "../../lib/agent/core.ts";
import { memoryTransports } from "../../lib/wire/memory_transport.ts";
import { Bye_Code } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { countingRandom } from "../support/counting_random.ts";
import { MemoryAgent } from "../support/memory_agent.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";
import { NO_AUDIT } from "../support/heard_audit.ts";

Deno.test("an agent that came only to join says so by a code and in words", async () => {
  await using parts = await MemoryAgent.start();
  const { journal, workers, clock } = parts;
  const [ours, theirs] = memoryTransports();
  const manager = new ScriptedPeer(theirs);
  const core = new AgentCore({
    identity: { name: "web-1", secret: "secret", joinToken: "t", facts: {} },
    audit: NO_AUDIT,
    journal,
    workers,
    clock,
    random: countingRandom(),
    dial: () => Promise.resolve(ours),
    endSurvivors: () => Promise.resolve({ signalled: 0, alive: [] }),
  });
  const enrolled = core.enrol();
  await manager.hears("clientHello");
  await manager.says("serverHello", { version: 1, managerId: "manager-1" });
  const { code, reason } = await manager.hears("bye");
  assertEquals({ code, reason }, { code: Bye_Code.JOINED, reason: "joined" });
  manager.hangUp();
  await enrolled;
});
