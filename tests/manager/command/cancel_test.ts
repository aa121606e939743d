import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager, OLD_HELLO } from "../../support/memory_manager.ts";
import { commanded, connected, listed, queued } from "../connected_agent.ts";

const { SUCCESS } = CommandResult_Status;

Deno.test("a cancel before the first byte has left ends the command at once", async () => {
  await using parts = await queued();
  const { core, agent, id } = parts;
  const cancelled = await core.commands.cancel(id);
  assertEquals(cancelled.state, "cancelled");
  assertEquals(cancelled.reason, "cancelled before it was sent");
  await agent.hears("ping");
  await agent.says("pong");
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
});

/** A Manager that found a queued command in its database, and whose agent has not come back. */
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

Deno.test("a command found queued is not sent and may have run, since the database may be restored", async () => {
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

Deno.test("a cancel of a command found queued goes to an agent that has it after all", async () => {
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

Deno.test("a cancel of a sent command goes to the agent once it is recorded", async () => {
  await using parts = await commanded();
  const { core, agent, id } = parts;
  const release = core.slow.hold("patchCommand");
  const asked = core.commands.cancel(id, { graceMs: 1_234 });
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
  release();
  const { state, unconfirmed } = await asked;
  assertEquals([state, unconfirmed], ["sent", false]);
  const cancel = await agent.hears("cancel");
  assertEquals([cancel.commandId, cancel.graceMs], [id, 1_234]);
});

Deno.test("a cancel never overtakes its command", async () => {
  await using parts = await queued();
  const { core, agent, id } = parts;
  const release = core.slow.hold("patchCommand");
  await agent.hears("ping");
  await agent.says("pong");
  await core.clock.settle();
  // A legacy agent may go on all the same, and the operator is told so.
  const asked = core.commands.cancel(id);
  release();
  assertEquals((await asked).unconfirmed, true);
  await agent.hears("command");
  await agent.hears("cancel");
});

Deno.test("a repeated cancel may only shorten the grace", async () => {
  await using parts = await commanded();
  const { core, agent, id } = parts;
  const heard: (number | undefined)[] = [];
  for (const grace of [3_000, 9_000, undefined, 1_000]) {
    await core.commands.cancel(id, { graceMs: grace });
    heard.push((await agent.hears("cancel")).graceMs);
  }
  assertEquals(heard, [3_000, 3_000, 3_000, 1_000]);
});

Deno.test("a cancel is sent again after ServerHello while the command is listed", async () => {
  await using parts = await commanded();
  const { core, agent, id } = parts;
  agent.hangUp();
  await core.ends[0];
  assertEquals(
    (await core.commands.cancel(id, { graceMs: 2_000 })).state,
    "sent",
  );
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [await listed(core, id)],
  });
  const cancel = await again.hears("cancel");
  assertEquals([cancel.commandId, cancel.graceMs], [id, 2_000]);
});

Deno.test("a cancel that is not recorded is not sent after ServerHello either", async () => {
  await using parts = await commanded();
  const { core, agent, id } = parts;
  agent.hangUp();
  await core.ends[0];
  const commands = [await listed(core, id)];
  const release = core.slow.hold("patchCommand");
  const asked = core.commands.cancel(id, { graceMs: 2_000 });
  const again = await core.admitted("web-1", { lastCommandId: id, commands });
  await core.clock.settle();
  assertEquals(again.heardSoFar(), []);
  release();
  await asked;
  assertEquals((await again.hears("cancel")).commandId, id);
});

Deno.test("a cancel that could not be recorded is taken back even if the command has begun", async () => {
  await using parts = await commanded();
  const { core, agent, id } = parts;
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

Deno.test("the second of two cancels holds in full even if the first could not be recorded", async () => {
  await using parts = await commanded();
  const { core, agent, id } = parts;
  const release = core.slow.hold("patchCommand");
  core.slow.failOnce("patchCommand", new PiriError("DISK", "Cannot write"));
  const failed = assertRejects(() => core.commands.cancel(id), PiriError);
  const second = core.commands.cancel(id, { graceMs: 3_000 });
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
  await using parts = await commanded();
  const { core, agent, id } = parts;
  const releaseFirst = core.slow.hold("patchCommand");
  const first = core.commands.cancel(id);
  const releaseSecond = core.slow.hold("patchCommand");
  const second = core.commands.cancel(id, { graceMs: 200 });
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

Deno.test("an ended command cannot be cancelled", async () => {
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
