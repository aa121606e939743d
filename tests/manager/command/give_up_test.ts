import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  CommandResult_Status,
  CommandState_State,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager, OLD_HELLO } from "../../support/memory_manager.ts";
import { running } from "../../support/running.ts";
import { connected, listed } from "../connected_agent.ts";

const { SUCCESS } = CommandResult_Status;
const { RUNNING } = CommandState_State;

/** State of a command, in short. */
async function standing(core: MemoryManager, id: bigint) {
  const { state, presumed, reason } = await core.commands.get(id);
  return [state, presumed, reason];
}

const GIVEN_UP = ["lost", true, "given up by the operator"];

Deno.test("giving up an agent that stays away ends the wait: presumed lost, with an event", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  agent.hangUp();
  await core.ends[0];
  const watcher = core.watch(id);
  await watcher.next();
  const seen = watcher.rest();
  const { state } = await core.commands.giveUp(id, { requestedBy: "ann" });
  assertEquals(state, "lost");
  assertEquals(await standing(core, id), GIVEN_UP);
  assertEquals((await core.store.command(id))?.state, "lost");
  assertEquals((await seen).at(-1), "lost");
  const event = (await core.happened()).at(-1);
  assertEquals([event?.kind, event?.commandId, event?.message], [
    "command_given_up",
    id,
    `command ${id} on "web-1" is given up by ann`,
  ]);
});

Deno.test("an ended command cannot be given up", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await agent.says("result", { commandId: id, status: SUCCESS });
  await agent.hears("commandAck");
  const error = await assertRejects(
    () => core.commands.giveUp(id, { requestedBy: "" }),
    PiriError,
    `Cannot give up command ${id}: it has ended, it is succeeded`,
  );
  assertEquals(error.code, "FAILED_PRECONDITION");
  assertEquals(await standing(core, id), ["succeeded", false, ""]);
});

Deno.test("an unknown command cannot be given up", async () => {
  await using parts = await running();
  const error = await assertRejects(
    () => parts.core.commands.giveUp(99n, { requestedBy: "" }),
    PiriError,
  );
  assertEquals(error.code, "NOT_FOUND");
});

Deno.test("a hello that lists the command takes the giving up back, and then its result stands", async () => {
  await using parts = await running();
  const { core, agent, id, nonce } = parts;
  agent.hangUp();
  await core.ends[0];
  await core.commands.giveUp(id, { requestedBy: "ann" });
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: RUNNING }],
  });
  assertEquals(await standing(core, id), ["running", false, ""]);
  await again.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await again.hears("commandAck")).final, true);
  assertEquals(await standing(core, id), ["succeeded", false, ""]);
  assertEquals((await core.eventKinds()).slice(-3), [
    "command_given_up",
    "command_found",
    "agent_connected",
  ]);
});

Deno.test("a result of a connected agent takes the giving up back", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await core.commands.giveUp(id, { requestedBy: "ann" });
  await agent.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await agent.hears("commandAck")).final, true);
  assertEquals(await standing(core, id), ["succeeded", false, ""]);
});

Deno.test("a giving up that could not be recorded has not happened, and a later result counts", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  core.slow.failOnce("patchCommand", new PiriError("DISK", "Cannot: full"));
  const giveUp = core.slow.hold("patchCommand");
  const lookUp = core.slow.hold("command");
  const refused = assertRejects(() =>
    core.commands.giveUp(id, { requestedBy: "ann" })
  );
  await agent.says("result", { commandId: id, status: SUCCESS });
  await core.clock.settle();
  giveUp();
  await refused;
  lookUp();
  assertEquals((await agent.hears("commandAck")).final, true);
  assertEquals(await standing(core, id), ["succeeded", false, ""]);
});

Deno.test("output on its way to a command that was given up is acknowledged", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const release = core.slow.hold("appendOutput");
  await agent.says("commandOutput", {
    commandId: id,
    stream: OutputStream.STDOUT,
    bytes: new Uint8Array(5),
  });
  await core.clock.settle();
  const givenUp = core.commands.giveUp(id, { requestedBy: "ann" });
  release();
  await givenUp;
  assertEquals((await agent.hears("commandAck")).stdout, 5n);
});

Deno.test("a command that is given up before it was sent is never sent", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  const { id, state } = await core.run("web-1");
  await core.commands.giveUp(id, { requestedBy: "ann" });
  await agent.hears("ping");
  await agent.says("pong");
  await core.clock.settle();
  assertEquals(state, "queued");
  assertEquals(agent.heardSoFar(), []);
  assertEquals(await standing(core, id), GIVEN_UP);
});

Deno.test("the result of a command that is given up while its agent's hello is read is recorded", async () => {
  await using parts = await connected();
  const { core, agent } = parts;
  const first = await core.run("web-1");
  const second = await core.run("web-1");
  agent.hangUp();
  await core.ends[0];
  await core.commands.giveUp(first.id, { requestedBy: "" });
  const hello = {
    lastCommandId: second.id,
    commands: [await listed(core, first.id), await listed(core, second.id)],
  };
  // The record of the first one has to be read. The second one is open, and need not be.
  const read = core.slow.hold("command");
  const admitted = core.admitted("web-1", hello);
  await core.clock.settle();
  const givenUp = core.commands.giveUp(second.id, { requestedBy: "" });
  await core.clock.settle();
  read();
  await givenUp;
  const again = await admitted;
  for (const { id } of [first, second]) {
    await again.says("result", { commandId: id, status: SUCCESS });
    await again.hears("commandAck");
  }

  await core.clock.settle();
  for (const { id } of [first, second]) {
    assertEquals(await standing(core, id), ["succeeded", false, ""]);
  }
});
