import { assertEquals, assertMatch } from "@std/assert";
import { KEYLESS_FEATURES } from "../../../lib/wire/features.ts";
import {
  Bye_Code,
  CommandResult_Status,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import { MANAGER, MemoryAgent } from "../../support/memory_agent.ts";
import { body } from "../../support/scripted_peer.ts";

/** Parameters of this length. */
function params(length: number): string {
  return JSON.stringify({ text: "x".repeat(length - 11) });
}

Deno.test("features of the Manager are used if they are known and their ground is met", async () => {
  await using agent = await MemoryAgent.start();
  await agent.welcomed({ features: ["chunks", "ack", "teleport"] });
  assertEquals([...agent.session?.features ?? []], ["chunks"]);
  await agent.welcomed();
  assertEquals([...agent.session?.features ?? []], [...KEYLESS_FEATURES]);
});

Deno.test("a legacy Manager has no features, whatever it says", async () => {
  await using agent = await MemoryAgent.start();
  await agent.welcomed({ managerId: "", features: [...KEYLESS_FEATURES] });
  assertEquals(agent.session?.features.size, 0);
});

Deno.test("ServerHello and a command of 200 KiB may come in one read", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.dial();
  await manager.saysAtOnce(
    body("serverHello", { version: 1, managerId: MANAGER }),
    body("command", { commandId: 1n, nonce: 2n, data: params(200 * 1_024) }),
  );
  await manager.hears("progress");
  assertEquals(agent.workers.newest.job.params.length, 200 * 1_024);
});

Deno.test("a frame over 64 KiB from a legacy Manager is always a violation", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "" });
  await manager.says("command", { commandId: 1n, data: params(70_000) });
  const { code, reason } = await manager.hears("bye");
  assertEquals(code, Bye_Code.PROTOCOL_ERROR);
  assertMatch(reason, /the limit is 65536/);
  assertEquals(agent.workers.jobs, []);
});

Deno.test("a Ping is answered before and after ServerHello", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.dial();
  await manager.says("ping", { data: 1 });
  assertEquals((await manager.hears("pong")).data, 1);
  await manager.says("serverHello", { version: 1, managerId: MANAGER });
  await manager.says("ping", { data: 2 });
  assertEquals((await manager.hears("pong")).data, 2);
});

Deno.test("a Command before ServerHello is a violation, and nothing is started", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.dial();
  await manager.says("command", { commandId: 1n });
  assertEquals((await manager.hears("bye")).code, Bye_Code.PROTOCOL_ERROR);
  await manager.hearsTheEnd();
  assertEquals(agent.workers.jobs, []);
});

Deno.test("a refused command is answered over the connection and not stored", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  agent.runner.refuse("the agent stops");
  await manager.says("command", { commandId: 1n, nonce: 2n });
  const { status, output } = await manager.hears("result");
  assertEquals(status, 5);
  assertMatch(output, /the agent stops/);
  assertEquals(agent.journal.entries(), []);
});

Deno.test("an agent that has said Bye starts nothing, and still takes cancels and acknowledgements", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  await manager.says("command", { commandId: 1n, nonce: 2n });
  await manager.hears("progress");
  agent.workers.newest.ends();
  await manager.hears("result");
  await manager.says("command", { commandId: 2n, nonce: 2n });
  await manager.hears("progress");
  agent.session?.leave("the agent stops");
  await manager.hears("bye");
  await manager.says("command", { commandId: 3n, nonce: 2n });
  await manager.says("cancel", { commandId: 2n });
  await manager.says("commandAck", { commandId: 1n, final: true });
  await agent.clock.settle();
  assertEquals(agent.workers.jobs.length, 2);
  assertEquals(agent.workers.newest.asked, ["stop"]);
  assertEquals(agent.journal.entries().map(({ id }) => id), [2n]);
  assertEquals(manager.heardSoFar(), []);
});

Deno.test("a connection's end takes the link down for running commands, and fails requests", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  await manager.says("command", {
    commandId: 1n,
    nonce: 2n,
    onDisconnect: 2,
    killAfterMs: 5_000,
  });
  await manager.hears("progress");
  const asked = agent.session?.data.request("data.Get", "{}")
    .catch(({ code }) => code);
  await manager.hears("dataRequest");
  manager.hangUp();
  await agent.ends[0];
  assertEquals(await asked, "UNAVAILABLE");
  await agent.clock.advance(5_000);
  assertEquals(agent.workers.newest.asked, ["stop"]);
});

Deno.test("a command is ended for its link while a message waits for a slow disk", async () => {
  const slow = Promise.withResolvers<void>();
  let isSlow = false;
  const delay = () => isSlow ? slow.promise : Promise.resolve();
  await using agent = await MemoryAgent.start(new MemoryDisk({ delay }));
  const manager = await agent.welcomed();
  await manager.says("command", {
    commandId: 1n,
    nonce: 2n,
    onDisconnect: 2,
    killAfterMs: 5_000,
  });
  await manager.hears("progress");
  const running = agent.workers.newest;
  isSlow = true;
  await manager.says("command", { commandId: 2n, nonce: 3n });
  // The Manager is given up, and then the time without a link is over.
  await agent.clock.advance(26_000);
  await agent.clock.advance(5_000);
  const asked = [...running.asked];
  slow.resolve();

  assertEquals(asked, ["stop"]);
});

Deno.test("a silent Manager is given up within 30 s", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  await agent.clock.advance(15_000);
  await manager.hears("ping");
  await agent.clock.advance(10_000);
  assertEquals((await manager.hears("bye")).code, Bye_Code.PING_TIMEOUT);
  const end = await agent.ends[0];
  assertEquals(end?.kind === "left" && end.code, Bye_Code.PING_TIMEOUT);
});

Deno.test("a command whose cancel has arrived with it never begins", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  await manager.saysAtOnce(
    body("command", { commandId: 1n, nonce: 2n, type: "a.B", data: "{}" }),
    body("command", { commandId: 2n, nonce: 3n, type: "a.B", data: "{}" }),
    body("ping", { data: 5 }),
    body("cancel", { commandId: 1n }),
  );
  await agent.clock.settle();

  assertEquals(agent.workers.jobs.map(({ job }) => job.commandId), [2n]);
  const result = manager.heardSoFar().flatMap((heard) =>
    heard.case === "result" ? [heard.value] : []
  );
  assertEquals(
    result.map(({ commandId, status }) => [commandId, status]).at(0),
    [1n, CommandResult_Status.CANCELLED],
  );
});

for (const version of [0, 2, 2 ** 32 - 1]) {
  Deno.test(`a ServerHello of version ${version} ends the connection, and says why`, async () => {
    await using agent = await MemoryAgent.start();
    const manager = await agent.dial();
    await manager.says("serverHello", { version, managerId: MANAGER });
    const { code, reason } = await manager.hears("bye");
    assertEquals(code, Bye_Code.PROTOCOL_ERROR);
    assertEquals(
      reason,
      `protocol error: Cannot work for this Manager: its ServerHello has version ${version}, and this agent knows only 1`,
    );
    await manager.hearsTheEnd();
    assertEquals(agent.session, undefined);
  });
}
