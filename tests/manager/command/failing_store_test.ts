import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  CommandResult_Status,
  CommandState_State,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager, OTHER_INSTANCE } from "../../support/memory_manager.ts";
import { running } from "../../support/running.ts";

const { SUCCESS } = CommandResult_Status;
const { RUNNING, FINISHED } = CommandState_State;

const FULL = new PiriError("DISK", "Cannot write: the disk is full");

/** State of a command in memory and in the database. */
async function standing(core: MemoryManager, id: bigint) {
  const { state } = await core.commands.get(id);
  return [
    state,
    core.commands.of("web-1").map(({ id }) => id),
    (await core.store.command(id))?.state,
  ];
}

Deno.test("a command that a hello does not list keeps its state if its end cannot be recorded", async () => {
  await using parts = await running();
  const { core, id, nonce } = parts;
  core.slow.failOnce("admitAgent", FULL);
  const forgetful = await core.hello("web-1", { instance: OTHER_INSTANCE });
  await forgetful.hears("bye");
  await core.ends[1];
  assertEquals(await standing(core, id), ["running", [id], "running"]);
  assertEquals((await core.eventKinds()).includes("command_lost"), false);
  // The command does not count as ended: otherwise its agent would be told to forget the result.
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: FINISHED }],
  });
  await again.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await again.hears("commandAck")).final, true);
  assertEquals(await standing(core, id), ["succeeded", [], "succeeded"]);
});

Deno.test("a watcher hears nothing of an end that cannot be recorded", async () => {
  await using parts = await running();
  const { core, id, nonce } = parts;
  const watcher = core.watch(id);
  assertEquals(await watcher.next(), "running");
  const rest = watcher.rest();
  core.slow.failOnce("admitAgent", FULL);
  await (await core.hello("web-1")).hears("bye");
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: FINISHED }],
  });
  await again.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await rest).includes("lost"), false);
  assertEquals((await rest).at(-1), "succeeded");
});

Deno.test("a presumed end stays when a hello that lists the command cannot be recorded", async () => {
  await using parts = await running();
  const { core, id, nonce } = parts;
  await core.admitted("web-1");
  assertEquals(await standing(core, id), ["lost", [], "lost"]);
  const listing = {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: RUNNING }],
  };
  core.slow.failOnce("admitAgent", FULL);
  await (await core.hello("web-1", listing)).hears("bye");
  await core.clock.settle();
  assertEquals(await standing(core, id), ["lost", [], "lost"]);
  await core.admitted("web-1", listing);
  assertEquals(await standing(core, id), ["running", [id], "running"]);
});

Deno.test("a command found queued at the start is not sent after a hello that was not recorded", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const { commands: [queued] } = await core.store.createCommands([{
    agent: "web-1",
    operation: "echo.Echo",
    params: "{}",
    nonce: 7n,
    requestedBy: "",
    timeoutMs: null,
    onDisconnect: "continue",
    killAfterMs: null,
    state: "queued",
    instance: null,
    session: null,
    createdAt: core.clock.now(),
    sentAt: null,
  }], { requestId: "r", job: "j" });
  const id = queued?.id ?? 0n;
  await core.commands.load([]);
  core.slow.failOnce("admitAgent", FULL);
  await (await core.hello("web-1")).hears("bye");
  assertEquals(await standing(core, id), ["queued", [id], "queued"]);
  const agent = await core.admitted("web-1");
  await core.clock.settle();
  assertEquals(agent.kindsSoFar(), []);
  assertEquals(await standing(core, id), ["lost", [], "lost"]);
});

Deno.test("a result that arrives while a hello cannot be recorded is recorded", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const release = core.slow.hold("admitAgent");
  core.slow.failOnce("admitAgent", FULL);
  const newer = await core.hello("web-1");
  await core.clock.settle();
  // The store answers in the order of the calls.
  const answer = core.slow.hold("command");
  await agent.says("result", { commandId: id, status: SUCCESS });
  await core.clock.settle();
  release();
  await newer.hears("bye");
  answer();
  await core.clock.settle();
  assertEquals(await standing(core, id), ["succeeded", [], "succeeded"]);
});

Deno.test("an agent that cannot be removed keeps its commands", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  core.slow.failOnce("removeAgent", FULL);
  const removal = assertRejects(
    () => core.agents.remove("web-1", { force: true }),
    PiriError,
    "full",
  );
  await core.clock.settle();
  await agent.hears("cancel");
  await core.clock.advance(15_000);
  await agent.says("pong");
  await core.clock.advance(15_000);
  await removal;
  assertEquals(await standing(core, id), ["running", [id], "running"]);
  agent.heardSoFar();
  await agent.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await agent.hears("commandAck")).final, true);
  assertEquals(await standing(core, id), ["succeeded", [], "succeeded"]);
});

Deno.test("a cancel that cannot be recorded leaves the end of a command as it is", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const release = core.slow.hold("patchCommand");
  core.slow.failOnce("patchCommand", FULL);
  const asked = assertRejects(() => core.commands.cancel(id), PiriError);
  await core.clock.settle();
  await agent.says("result", { commandId: id, status: SUCCESS });
  await core.clock.settle();
  release();
  await asked;
  await agent.hears("commandAck");
  assertEquals(await standing(core, id), ["succeeded", [], "succeeded"]);
});

Deno.test("commands of a legacy agent are lost only once that is recorded", async () => {
  await using core = await MemoryManager.start();
  await core.knows("old-1");
  const agent = await core.admittedOld("old-1");
  const { id } = await core.run("old-1");
  await agent.hears("command");
  core.slow.failOnce("agentLeft", FULL);
  agent.hangUp();
  await core.ends[0];
  assertEquals((await core.commands.get(id)).state, "sent");
  await core.admittedOld("old-1");
  assertEquals((await core.commands.get(id)).state, "lost");
  assertEquals((await core.store.command(id))?.state, "lost");
});
