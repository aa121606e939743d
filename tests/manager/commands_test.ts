import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Limits } from "../../lib/base/limits.ts";
import {
  Bye_Code,
  CommandResult_Status,
  CommandState_State,
  OnDisconnect,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  MemoryManager,
  OLD_HELLO,
  OTHER_INSTANCE,
} from "../support/memory_manager.ts";
import {
  body,
  type Init,
  type ScriptedPeer,
} from "../support/scripted_peer.ts";

const { SUCCESS } = CommandResult_Status;
const { ACCEPTED, RUNNING } = CommandState_State;

/** A core with one agent that is connected. */
async function connected(): Promise<
  { core: MemoryManager; agent: ScriptedPeer } & AsyncDisposable
> {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  return {
    core,
    agent,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

/** What the agent's hello says of a command. */
async function listed(
  core: MemoryManager,
  id: bigint,
  entry: NonNullable<Init<"clientHello">["commands"]>[number] = {},
): Promise<NonNullable<Init<"clientHello">["commands"]>[number]> {
  const { nonce } = await core.commands.get(id);
  return { commandId: id, nonce, state: RUNNING, ...entry };
}

Deno.test("a command leaves with all that was asked for", async () => {
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
  });
});

Deno.test("a command leaves only after the store has that it is sent", async () => {
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

Deno.test("a queued command leaves only after the store has that it is sent", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  const { id } = await core.run("web-1");
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

Deno.test("a command that was asked for before the agent was ready leaves before a later one", async () => {
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

Deno.test("the same request id starts nothing twice", async () => {
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

Deno.test("a request that is repeated is answered though its agent has gone", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1", { requestId: "once" });
  agent.hangUp();
  await core.ends[0];
  assertEquals((await core.run("web-1", { requestId: "once" })).id, id);
});

Deno.test("an agent that is not connected is told at once, and nothing is recorded for anyone", async () => {
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

Deno.test("an agent that nobody knows and an operation that it does not have are not found", async () => {
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
    "the limit is 64512",
  );
  assertEquals((await core.commands.list({ limit: 10 })).length, 2);
});

Deno.test("a cancel before the first byte has left ends the command at once", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  const { id } = await core.run("web-1");
  const cancelled = await core.commands.cancel(id);
  assertEquals(cancelled.state, "cancelled");
  assertEquals(cancelled.reason, "cancelled before it was sent");
  await agent.hears("ping");
  await agent.says("pong");
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
});

/** A Manager that found a command queued in its database, and its agent has not come back. */
async function foundQueued() {
  const before = await MemoryManager.start();
  await before.knows("web-1");
  const agent = await before.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  const { id } = await before.run("web-1");
  agent.hangUp();
  await before.ends[0];
  return { core: await before.restarted(), id };
}

Deno.test("what was found queued is not sent, and may have run: the database may be a restored one", async () => {
  const { core, id } = await foundQueued();
  await using _core = core;
  const { state } = await core.commands.cancel(id);
  const agent = await core.admittedOld("web-1");

  const found = await core.commands.get(id);
  assertEquals(state, "queued");
  assertEquals([found.state, found.presumed], ["lost", true]);
  assertMatch(found.reason, /may have run/);
  assertEquals(agent.heardSoFar(), []);
});

Deno.test("a cancel of what was found queued goes to an agent that has it after all", async () => {
  const { core, id } = await foundQueued();
  await using _core = core;
  await core.commands.cancel(id);
  const agent = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [await listed(core, id)],
  });

  assertEquals((await agent.hears("cancel")).commandId, id);
  assertEquals((await core.commands.get(id)).state, "running");
});

Deno.test("a cancel of what was sent goes to the agent once it is recorded", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const release = core.slow.hold("patchCommand");
  const asked = core.commands.cancel(id, 1_234);
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
  release();
  assertEquals((await asked).state, "sent");
  const cancel = await agent.hears("cancel");
  assertEquals([cancel.commandId, cancel.graceMs], [id, 1_234]);
});

Deno.test("a cancel never overtakes its command", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  const { id } = await core.run("web-1");
  const release = core.slow.hold("patchCommand");
  await agent.hears("ping");
  await agent.says("pong");
  await core.clock.settle();
  // One of 2024 may go on all the same, and whoever asks is told so.
  const asked = assertRejects(() => core.commands.cancel(id), PiriError);
  release();
  assertEquals((await asked).code, "UNSUPPORTED");
  await agent.hears("command");
  await agent.hears("cancel");
});

Deno.test("a cancel that is repeated may only shorten the grace", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const heard: (number | undefined)[] = [];
  for (const grace of [3_000, 9_000, undefined, 1_000]) {
    await core.commands.cancel(id, grace);
    heard.push((await agent.hears("cancel")).graceMs);
  }
  assertEquals(heard, [3_000, 3_000, 3_000, 1_000]);
});

Deno.test("a cancel is sent again after ServerHello while the command is listed", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
  agent.hangUp();
  await core.ends[0];
  assertEquals((await core.commands.cancel(id, 2_000)).state, "sent");
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [await listed(core, id)],
  });
  const cancel = await again.hears("cancel");
  assertEquals([cancel.commandId, cancel.graceMs], [id, 2_000]);
});

Deno.test("a cancel that is not recorded is not sent after ServerHello either", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
  agent.hangUp();
  await core.ends[0];
  const commands = [await listed(core, id)];
  const release = core.slow.hold("patchCommand");
  const asked = core.commands.cancel(id, 2_000);
  const again = await core.admitted("web-1", { lastCommandId: id, commands });
  await core.clock.settle();
  assertEquals(again.heardSoFar(), []);
  release();
  await asked;
  assertEquals((await again.hears("cancel")).commandId, id);
});

Deno.test("a cancel that could not be recorded is taken back, though the command has begun meanwhile", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const release = core.slow.hold("patchCommand");
  core.slow.failOnce("patchCommand", new PiriError("DISK", "Cannot write"));
  const failed = assertRejects(() => core.commands.cancel(id), PiriError);
  await agent.says("progress", { commandId: id });
  await core.clock.settle();
  release();
  await failed;
  const { state, cancelRequestedAt } = await core.commands.get(id);
  assertEquals([state, cancelRequestedAt], ["running", null]);

  await core.commands.cancel(id);
  assertEquals((await agent.hears("cancel")).commandId, id);
  assertNotEquals((await core.store.command(id))?.cancelRequestedAt, null);
});

Deno.test("of two cancels the second holds whole, though the first could not be recorded", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const release = core.slow.hold("patchCommand");
  core.slow.failOnce("patchCommand", new PiriError("DISK", "Cannot write"));
  const failed = assertRejects(() => core.commands.cancel(id), PiriError);
  const second = core.commands.cancel(id, 3_000);
  await core.clock.settle();
  release();
  await failed;
  await second;

  const cancel = await agent.hears("cancel");
  assertEquals([cancel.commandId, cancel.graceMs], [id, 3_000]);
  const kept = await core.store.command(id);
  assertEquals(kept?.cancelGraceMs, 3_000);
  assertNotEquals(kept?.cancelRequestedAt, null);
  const { cancelRequestedAt } = await core.commands.get(id);
  assertEquals(cancelRequestedAt, kept?.cancelRequestedAt);
});

Deno.test("a grace does not grow while a shorter one is being recorded", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const releaseFirst = core.slow.hold("patchCommand");
  const first = core.commands.cancel(id);
  const releaseSecond = core.slow.hold("patchCommand");
  const second = core.commands.cancel(id, 200);
  releaseFirst();
  await first;
  await core.commands.cancel(id);
  releaseSecond();
  await second;

  const graces = [];
  for (let count = 0; count < 3; count++) {
    graces.push((await agent.hears("cancel")).graceMs);
  }
  assertEquals(graces, [200, 200, 200]);
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

Deno.test("what has ended cannot be cancelled", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.says("result", { commandId: id, status: SUCCESS });
  await agent.hears("command");
  await agent.hears("commandAck");
  const error = await assertRejects(() => core.commands.cancel(id), PiriError);
  assertEquals(error.code, "FAILED_PRECONDITION");
  const unknown = await assertRejects(
    () => core.commands.cancel(99n),
    PiriError,
  );
  assertEquals(unknown.code, "NOT_FOUND");
});

Deno.test("an agent has 1,000 commands that have not ended at most", async () => {
  await using parts = await connected();
  const { core } = parts;
  for (let count = 0; count < 1_000; count++) await core.run("web-1");
  const error = await assertRejects(() => core.run("web-1"), PiriError);
  assertEquals(error.code, "BUSY");
});

Deno.test("while its agent is away a command stays as it is, unreachable since then", async () => {
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

Deno.test("what was sent to this instance and is above its last id never arrived", async () => {
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

Deno.test("what was sent to another instance may have run", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  agent.hangUp();
  await core.ends[0];
  await core.admitted("web-1", { instance: OTHER_INSTANCE });
  assertMatch((await core.commands.get(id)).reason, /^it may have run/);
});

Deno.test("once a newer hello is admitted nothing is written to the older connection", async () => {
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

Deno.test("output goes on from the byte that is durable", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const { id } = await core.run("web-1");
  await agent.hears("command");
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

Deno.test("a command that is listed as accepted was sent, and every other state is running", async () => {
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

Deno.test("commands are taken up again after a restart of the Manager", async () => {
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

Deno.test("the first command of an agent of 2024 waits for its first pong", async () => {
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

Deno.test("towards an agent of 2024 each frame is a write of its own, and towards others they are gathered", async () => {
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

Deno.test("all that is open when the connection of an agent of 2024 ends is lost", async () => {
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
        "of a protocol error that the agent tells at length the beginning is",
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
  Deno.test(`${name} told of the commands that it made lost`, async () => {
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

Deno.test("the Manager measures the timeout for an agent that does not, and a result still replaces it", async () => {
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

Deno.test("removing an agent makes all that is open lost", async () => {
  await using parts = await connected();
  const { core } = parts;
  const { id } = await core.run("web-1");
  await core.agents.remove("web-1");
  const { state, presumed, reason } = await core.commands.get(id);
  assertEquals({ state, presumed, reason }, {
    state: "lost",
    presumed: true,
    reason: "it may have run: the agent was removed",
  });
});

Deno.test("a queued command whose record fails is not written, and the agent is asked to come back", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  await core.run("web-1");
  core.slow.failOnce("patchCommand", new PiriError("DISK", "Cannot write"));
  await agent.hears("ping");
  await agent.says("pong");
  const { code, retryAfterMs } = await agent.hears("bye");
  assertEquals({ code, retryAfterMs }, {
    code: Bye_Code.BUSY,
    retryAfterMs: 5_000,
  });
});
