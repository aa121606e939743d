import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Limits } from "../../lib/base/limits.ts";
import {
  Bye_Code,
  OnDisconnect,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager, OLD_HELLO } from "../support/memory_manager.ts";
import { connected, queued } from "./connected_agent.ts";

Deno.test("a command leaves with all requested fields", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id, nonce } = await core.run("web-1", {
    operation: "command.Run",
    params: '{"argv":["true"]}',
    timeoutMs: 5_000,
    onDisconnect: "kill",
    killAfterMs: 70_000,
  });
  const command = await agent.hears("command");
  assertEquals(command, {
    commandId: id,
    type: "command.Run",
    data: '{"argv":["true"]}',
    timeoutMs: 5_000,
    onDisconnect: OnDisconnect.KILL,
    killAfterMs: 70_000,
    nonce,
    statement: new Uint8Array(),
    signatures: [],
    requestedBy: "test",
    survive: false,
  });
});

Deno.test("a command leaves only after it is recorded as sent", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const release = core.slow.hold("createCommands");
  const asked = core.run("web-1");
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
  release();
  const { id } = await asked;
  assertEquals((await core.store.command(id))?.state, "sent");
  assertEquals((await agent.hears("command")).commandId, id);
});

Deno.test("a queued command leaves only after it is recorded as sent", async () => {
  await using parts = await queued();
  const { core, agent, id } = parts;
  const release = core.slow.hold("patchCommand");
  await agent.hears("ping");
  await agent.says("pong");
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
  release();
  assertEquals((await agent.hears("command")).commandId, id);
  assertEquals((await core.store.command(id))?.state, "sent");
});

Deno.test("commands go to an agent in the order of their ids", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  await Promise.all(Array.from({ length: 20 }, () => core.run("web-1")));
  const ids: bigint[] = [];
  for (let count = 0; count < 20; count++) {
    ids.push((await agent.hears("command")).commandId);
  }
  assertEquals(ids, [...ids].sort((a, b) => Number(a - b)));
});

Deno.test("a command that was requested before the agent was ready leaves before a later one", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const admit = core.slow.hold("admitAgent");
  const agent = await core.hello("web-1");
  await core.clock.settle();
  const record = core.slow.hold("createCommands");
  const early = core.run("web-1");
  await core.clock.settle();
  admit();
  await agent.hears("serverHello");
  const late = core.run("web-1");
  await core.clock.settle();
  record();
  const ids = [(await early).id, (await late).id];
  assertEquals(
    [
      (await agent.hears("command")).commandId,
      (await agent.hears("command")).commandId,
    ],
    ids,
  );
});

Deno.test("a repeated request id starts nothing twice", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const [one, other] = await Promise.all([
    core.run("web-1", { requestId: "once" }),
    core.run("web-1", { requestId: "once" }),
  ]);
  assertEquals(one.id, other.id);
  assertEquals((await core.run("web-1", { requestId: "once" })).id, one.id);
  await agent.hears("command");
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
});

Deno.test("a repeated request is answered even if its agent has gone", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1", { requestId: "once" });
  agent.hangUp();
  await core.ends[0];
  assertEquals((await core.run("web-1", { requestId: "once" })).id, id);
});

Deno.test("a run fails at once if one agent is not connected, and nothing is recorded for any", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  await core.knows("web-2");
  const error = await assertRejects(
    () => core.run("web-1", { agents: ["web-1", "web-2"] }),
    PiriError,
  );
  assertEquals(error.code, "UNAVAILABLE");
  assertEquals(await core.commands.list({ limit: 10 }), []);
  assertEquals(agent.heardSoFar(), []);
});

Deno.test("an unknown agent and an unknown operation are not found", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1", {
    facts: { operations: "echo.Echo test.Sleep" },
  });
  const unknown = await assertRejects(() => core.run("web-9"), PiriError);
  assertEquals(unknown.code, "NOT_FOUND");
  const missing = await assertRejects(
    () => core.run("web-1", { operation: "echo.Eco" }),
    PiriError,
  );
  assertEquals(missing.code, "NOT_FOUND");
  await core.run("web-1", { operation: "test.Sleep" });
});

Deno.test("a glob stands for the connected agents that it matches, by name", async () => {
  await using core = await MemoryManager.start();
  for (const name of ["web-2", "web-1", "db-1", "web-3"]) {
    await core.knows(name);
  }
  for (const name of ["web-2", "web-1", "db-1"]) await core.admitted(name);
  const { commands } = await core.commands.run({
    agents: ["web-*", "web-1"],
    operation: "echo.Echo",
    params: "{}",
    requestId: "glob",
    onDisconnect: "continue",
    requestedBy: "test",
  });
  assertEquals(commands.map(({ agent }) => agent), ["web-1", "web-2"]);
  assertEquals(new Set(commands.map(({ job }) => job)).size, 1);
  const none = await assertRejects(() => core.run("mail-*"), PiriError);
  assertEquals(none.code, "UNAVAILABLE");
});

Deno.test("all targets of a request that are wrong are named at once, and nothing is sent", async () => {
  await using core = await MemoryManager.start();
  for (const name of ["web-1", "web-5", "web-6"]) await core.knows(name);
  const agent = await core.admitted("web-1");
  const refused: [targets: string[], code: string, message: string][] = [
    [
      ["web-1", "web-5", "df1", "nosuch"],
      "NOT_FOUND",
      'Cannot run on "web-5": it is not connected; on "df1" and "nosuch": there are no agents of those names',
    ],
    [
      ["web-5", "web-6", "db-*"],
      "UNAVAILABLE",
      'Cannot run on "web-5" and "web-6": they are not connected; on "db-*": no agent that is connected has such a name',
    ],
    [
      ["df1"],
      "NOT_FOUND",
      'Cannot run on "df1": there is no agent of that name',
    ],
    [
      Array.from({ length: 13 }, (_, index) => `x${index}`),
      "NOT_FOUND",
      'Cannot run on "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9" and 3 more: there are no agents of those names',
    ],
  ];
  for (const [agents, code, message] of refused) {
    const error = await assertRejects(
      () => core.run("", { agents }),
      PiriError,
    );
    assertEquals([error.code, error.message], [code, message]);
  }
  assertEquals(agent.heardSoFar(), []);
});

Deno.test("all agents that a request does not fit are named at once", async () => {
  await using core = await MemoryManager.start();
  for (const name of ["web-1", "web-2", "web-3"]) await core.knows(name);
  const facts = { operations: "command.Run" };
  await core.admitted("web-1", { facts });
  await core.admitted("web-2", { facts });
  await core.admitted("web-3");
  const error = await assertRejects(
    () => core.run("", { agents: ["web-3", "web-2", "web-1"] }),
    PiriError,
  );
  assertEquals(
    [error.code, error.message],
    [
      "NOT_FOUND",
      'Cannot run "echo.Echo" on "web-1" and "web-2": they have no such operation',
    ],
  );
  assertEquals((await core.commands.list({ limit: 9 })).length, 0);
});

Deno.test("parameters over the limit of a message are refused before they are recorded", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("old-1");
  await core.admitted("web-1");
  await core.admittedOld("old-1");
  const params = (length: number) =>
    JSON.stringify({ text: "x".repeat(length) });
  await core.run("web-1", { params: params(261_000) });
  const large = { params: params(262_144) };
  const error = await assertRejects(() => core.run("web-1", large), PiriError);
  assertEquals(error.code, "INVALID_ARGUMENT");
  await core.run("old-1", { params: params(63_000) });
  const old = { params: params(65_536) };
  await assertRejects(
    () => core.run("old-1", old),
    PiriError,
    "its parameters take 65551 bytes, the limit is 64000; put a long text into files/all",
  );
  assertEquals((await core.commands.list({ limit: 10 })).length, 2);
});

Deno.test("commands that are not recorded yet count towards an agent's limit", async () => {
  await using parts = await connected();
  const { core } = parts;
  const release = core.slow.hold("createCommands");
  const asked = Array.from(
    { length: Limits.openCommands },
    () => core.run("web-1"),
  );
  await core.clock.settle();
  const error = await assertRejects(() => core.run("web-1"), PiriError);
  assertEquals(error.code, "BUSY");
  release();
  await Promise.all(asked);
  assertEquals(core.commands.countOf("web-1"), Limits.openCommands);
});

Deno.test("an agent has at most 1,000 open commands", async () => {
  await using parts = await connected();
  const { core } = parts;
  for (let count = 0; count < 1_000; count++) await core.run("web-1");
  const error = await assertRejects(() => core.run("web-1"), PiriError);
  assertEquals(error.code, "BUSY");
});

Deno.test("the first command of a legacy agent waits for its first pong", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  await agent.hears("ping");
  const { id, state } = await core.run("web-1");
  assertEquals(state, "queued");
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
  await agent.says("pong");
  assertEquals((await agent.hears("command")).commandId, id);
});

Deno.test("each frame to a legacy agent is a write of its own, and frames to others are gathered", async () => {
  await using core = await MemoryManager.start();
  await core.knows("old-1");
  await core.knows("web-1");
  const old = await core.admittedOld("old-1");
  const agent = await core.admitted("web-1");
  const before = core.writes.map(({ length }) => length);
  for (const name of ["old-1", "web-1"]) {
    await Promise.all(Array.from({ length: 5 }, () => core.run(name)));
  }
  for (let count = 0; count < 5; count++) {
    await old.hears("command");
    await agent.hears("command");
  }
  const [ofOld = 0, ofNew = 0] = core.writes
    .map(({ length }, index) => length - (before[index] ?? 0));
  assertEquals([ofOld, ofNew < 5], [5, true]);
});

Deno.test("a queued command that cannot be recorded is not written, and its agent must come back", async () => {
  await using parts = await queued();
  const { core, agent } = parts;
  core.slow.failOnce("patchCommand", new PiriError("DISK", "Cannot write"));
  await agent.hears("ping");
  await agent.says("pong");
  const { code, retryAfterMs } = await agent.hears("bye");
  assertEquals({ code, retryAfterMs }, {
    code: Bye_Code.BUSY,
    retryAfterMs: 2_500,
  });
});

Deno.test("a Manager that stops starts no command, and records none", async () => {
  await using core = await MemoryManager.start({});
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const stopped = core.shutdown();

  const error = await assertRejects(() => core.run("web-1"), PiriError);
  assertEquals(
    [error.code, error.message],
    ["UNAVAILABLE", 'Cannot run "echo.Echo": the Manager is stopping'],
  );
  assertEquals(await core.store.openCommands(Infinity), []);
  agent.hangUp();
  await stopped;
});
