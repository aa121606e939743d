import { assertEquals, assertMatch } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  CommandResult_Status,
  CommandState_State,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager, OTHER_INSTANCE } from "../../support/memory_manager.ts";
import { body } from "../../support/scripted_peer.ts";
import { commanded, connected, listed } from "../connected_agent.ts";

const { SUCCESS } = CommandResult_Status;
const { ACCEPTED } = CommandState_State;

Deno.test("a command keeps its state while its agent is away, and is unreachable since then", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.says("progress", { commandId: id, total: 1 });
  await core.clock.settle();
  await core.clock.advance(1_000);
  agent.hangUp();
  await core.ends[0];
  const { state, unreachableSince } = await core.commands.get(id);
  assertEquals({ state, unreachableSince }, {
    state: "running",
    unreachableSince: core.clock.now(),
  });
  await core.admitted("web-1", {
    lastCommandId: id,
    commands: [await listed(core, id)],
  });
  assertEquals((await core.commands.get(id)).unreachableSince, null);
});

Deno.test("a command sent to this instance and above its last id never arrived", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  agent.hangUp();
  await core.ends[0];
  await core.admitted("web-1", { lastCommandId: 0n });
  const { state, presumed, reason } = await core.commands.get(id);
  assertEquals({ state, presumed, reason }, {
    state: "lost",
    presumed: true,
    reason: "it never arrived at the agent",
  });
  assertEquals((await core.eventKinds()).includes("command_lost"), true);
});

Deno.test("a command sent to another instance may have run", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  agent.hangUp();
  await core.ends[0];
  await core.admitted("web-1", { instance: OTHER_INSTANCE });
  assertMatch((await core.commands.get(id)).reason, /^it may have run/);
});

Deno.test("no command is written to the older connection once a newer hello is admitted", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const release = core.slow.hold("createCommands");
  const asked = core.run("web-1");
  await core.clock.settle();
  const newer = await core.admitted("web-1");
  release();
  const { id } = await asked;
  await core.clock.settle();
  assertEquals(agent.kindsSoFar(), ["bye"]);
  assertEquals(newer.heardSoFar(), []);
  const { state, reason } = await core.commands.get(id);
  assertEquals(state, "lost");
  assertMatch(reason, /^it never arrived/);
});

Deno.test("a presumption is replaced by a hello that lists the command, and then by its result", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  agent.hangUp();
  await core.ends[0];
  const forgetful = await core.admitted("web-1");
  assertEquals((await core.commands.get(id)).state, "lost");
  forgetful.hangUp();
  await core.ends[1];
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [await listed(core, id)],
  });
  const { state, presumed, reason, finishedAt } = await core.commands.get(id);
  assertEquals({ state, presumed, reason, finishedAt }, {
    state: "running",
    presumed: false,
    reason: "",
    finishedAt: null,
  });
  await again.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await again.hears("commandAck")).final, true);
  assertEquals((await core.commands.get(id)).state, "succeeded");
});

Deno.test("a listed command that has ended here gets its final acknowledgement", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.says("result", { commandId: id, status: SUCCESS });
  await agent.hears("command");
  await agent.hears("commandAck");
  agent.hangUp();
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [await listed(core, id)],
  });
  const ack = await again.hears("commandAck");
  assertEquals([ack.commandId, ack.final], [id, true]);
});

Deno.test("output continues at the first byte that is not durable", async () => {
  await using parts = await commanded();
  const { core, agent, id } = parts;
  await agent.says("commandOutput", {
    commandId: id,
    stream: 1,
    bytes: new TextEncoder().encode("hello"),
  });
  assertEquals((await agent.hears("commandAck")).stdout, 5n);
  agent.hangUp();
  const again = await core.hello("web-1", {
    lastCommandId: id,
    commands: [await listed(core, id, { stdout: 9n })],
  });
  const { resume } = await again.hears("serverHello");
  assertEquals(
    resume.map(({ commandId, stdout, stderr }) => [commandId, stdout, stderr]),
    [[id, 5n, 0n]],
  );
});

Deno.test("a command listed as accepted is sent, and one listed in any other state is running", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const first = await core.run("web-1");
  const second = await core.run("web-1");
  agent.hangUp();
  await core.admitted("web-1", {
    lastCommandId: second.id,
    commands: [
      await listed(core, first.id, { state: ACCEPTED }),
      await listed(core, second.id, { state: 77 as CommandState_State }),
    ],
  });
  assertEquals((await core.commands.get(first.id)).state, "sent");
  assertEquals((await core.commands.get(second.id)).state, "running");
});

Deno.test("commands continue after a restart of the Manager", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  agent.hangUp();
  await core.ends[0];
  await using restarted = await core.restarted();
  const again = await restarted.admitted("web-1", {
    session: 100n,
    lastCommandId: id,
    commands: [await listed(core, id)],
  });
  await again.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await again.hears("commandAck")).final, true);
  assertEquals((await restarted.commands.get(id)).state, "succeeded");
});

Deno.test("all open commands of a legacy agent are lost when its connection ends", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admittedOld("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  agent.hangUp();
  await core.ends[0];
  await core.clock.settle();
  const { state, presumed, reason } = await core.commands.get(id);
  assertEquals({ state, presumed, reason }, {
    state: "lost",
    presumed: true,
    reason: "it may have run: the agent's connection ended",
  });
});

for (
  const { name, message, why } of [
    {
      name: "a protocol error that the Manager finds is",
      message: body("command"),
      why: ': protocol error: Cannot accept "command" while ready',
    },
    {
      name: "a protocol error that the agent finds is",
      message: body("bye", { reason: "protocol error: message too big" }),
      why: ': it said "protocol error: message too big"',
    },
    {
      name:
        "the beginning of a protocol error that the agent tells at length is",
      message: body("bye", { reason: `protocol error: ${"x".repeat(9_000)}` }),
      why: `: it said "protocol error: ${"x".repeat(1_000 - 25)}`,
    },
    {
      name: "a farewell is not",
      message: body("bye", { reason: "shutdown" }),
      why: "",
    },
  ]
) {
  Deno.test(`${name} in the reason of the commands that it made lost`, async () => {
    await using core = await MemoryManager.start();
    await core.knows("web-1");
    const agent = await core.admittedOld("web-1");
    const { id } = await core.run("web-1");
    await agent.hears("command");
    await agent.saysAtOnce(message);
    await core.ends[0];
    await core.clock.settle();
    const reason = `it may have run: the agent's connection ended${why}`;
    assertEquals((await core.commands.get(id)).reason, reason);
    const { entries } = await core.commands.timeline(id);
    assertEquals(entries.filter(({ kind }) => kind === "presumed"), [{
      at: core.clock.now(),
      kind: "presumed",
      evidence: "database",
      text: `presumed lost: ${reason}`,
    }]);
  });
}

for (const storeFails of [false, true]) {
  const how = storeFails ? ", though only the second try is recorded" : "";
  Deno.test(`a command that was not written before its connection ended never arrived${how}`, async () => {
    await using parts = await connected();
    const { core, agent } = parts;
    const release = core.slow.hold("createCommands");
    const asked = core.run("web-1");
    await core.clock.settle();
    agent.hangUp();
    await core.ends[0];
    // The agent is back before the command exists: no hello will settle it.
    await core.admitted("web-1");
    if (storeFails) {
      core.slow.failOnce("patchCommand", new PiriError("DISK", "It is full"));
    }
    release();
    const { id } = await asked;
    await core.clock.settle();
    if (storeFails) {
      assertEquals((await core.commands.get(id)).state, "sent");
      await core.clock.advance(5_000);
    }
    for (
      const record of [
        await core.commands.get(id),
        await core.store.command(id),
      ]
    ) {
      assertEquals([record?.state, record?.presumed, record?.reason], [
        "lost",
        true,
        "it never arrived at the agent: the connection ended first",
      ]);
    }
  });
}

Deno.test("a timeout that the Manager could not record is recorded later", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admittedOld("web-1");
  const { id } = await core.run("web-1", { timeoutMs: 1_000 });
  await agent.hears("command");
  core.slow.failOnce("patchCommand", new PiriError("DISK", "It is full"));
  await core.clock.advance(13_000);
  await agent.says("pong");
  await core.clock.advance(3_000);
  assertEquals((await core.commands.get(id)).state, "sent");
  await core.clock.advance(5_000);
  assertEquals((await core.store.command(id))?.state, "timed_out");
});

Deno.test("the Manager measures a legacy agent's timeout, and a result still replaces it", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admittedOld("web-1");
  const { id } = await core.run("web-1", { timeoutMs: 5_000 });
  await agent.hears("command");
  await core.clock.advance(13_000);
  await agent.says("pong");
  await core.clock.advance(6_999);
  assertEquals((await core.commands.get(id)).state, "sent");
  await core.clock.advance(1);
  const { state, presumed } = await core.commands.get(id);
  assertEquals({ state, presumed }, { state: "timed_out", presumed: true });
  await agent.says("result", {
    commandId: id,
    status: SUCCESS,
    output: "late",
  });
  await core.clock.settle();
  assertEquals((await core.commands.get(id)).state, "succeeded");
  assertEquals(await core.output(id), "late");
});

Deno.test("removing an agent makes all its open commands lost", async () => {
  await using parts = await connected();
  const { core } = parts;
  const { id } = await core.run("web-1");
  const removal = core.agents.remove("web-1", { force: true });
  await core.clock.advance(30_000);
  await removal;
  const { state, presumed, reason } = await core.commands.get(id);
  assertEquals({ state, presumed, reason }, {
    state: "lost",
    presumed: true,
    reason: "it may have run: the agent was removed",
  });
});
