import { assertEquals } from "@std/assert";
import {
  CommandResult_Status,
  CommandState_State,
  OutputStream,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  INSTANCE,
  MemoryManager,
  OTHER_INSTANCE,
} from "../support/memory_manager.ts";
import type { ScriptedPeer } from "../support/scripted_peer.ts";

const { LOST, SUCCESS } = CommandResult_Status;
const { RUNNING, FINISHED } = CommandState_State;
const { STDOUT } = OutputStream;

/** A Manager whose agent runs a command that has printed "so far", and that agent. */
async function running(core: MemoryManager) {
  await core.knows("web-1");
  const original = await core.admitted("web-1");
  const { id, nonce } = await core.run("web-1");
  await original.hears("command");
  await original.says("progress", { commandId: id, total: 1 });
  await prints(original, id, "so far", 0n);
  await original.hears("commandAck");
  return { id, nonce };
}

async function prints(
  agent: ScriptedPeer,
  commandId: bigint,
  text: string,
  offset: bigint,
): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await agent.says("commandOutput", {
    commandId,
    stream: STDOUT,
    offset,
    bytes,
  });
}

/** A copy of the agent's host dials: its journal says that the command ran when the agent ended. */
async function copied(
  core: MemoryManager,
  { id, nonce }: { id: bigint; nonce: bigint },
): Promise<void> {
  const copy = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: FINISHED, stdout: 6n }],
  });
  await copy.says("result", {
    commandId: id,
    status: LOST,
    output: "the agent ended while the command ran",
    stdoutBytes: 6n,
    reaped: { signalled: 0, alive: [] },
  });
  assertEquals((await copy.hears("commandAck")).final, true);
  assertEquals((await core.commands.get(id)).state, "lost");
}

Deno.test("what a copy of a host calls lost is running again when the original is back, and ends as it says", async () => {
  await using core = await MemoryManager.start();
  const command = await running(core);
  const { id } = command;
  await copied(core, command);
  const original = await core.hello("web-1", {
    instance: OTHER_INSTANCE,
    lastCommandId: id,
    commands: [{ commandId: id, nonce: command.nonce, state: RUNNING }],
  });
  const { resume } = await original.hears("serverHello");
  assertEquals(resume.map(({ commandId, stdout }) => [commandId, stdout]), [
    [id, 6n],
  ]);
  const { state, reapedSignalled, finishedAt } = await core.commands.get(id);
  assertEquals([state, reapedSignalled, finishedAt], ["running", null, null]);
  await prints(original, id, ", and on", 6n);
  await original.says("result", {
    commandId: id,
    status: SUCCESS,
    stdoutBytes: 14n,
  });
  await original.hears("commandAck");
  await core.clock.settle();
  assertEquals((await core.store.command(id))?.state, "succeeded");
  assertEquals(await core.output(id), "so far, and on");
  const kinds = await core.eventKinds();
  assertEquals(
    kinds.filter((kind) => kind.startsWith("command_")),
    ["command_lost", "command_found"],
  );
});

Deno.test("an agent that calls a command lost and has not heard the answer is told that it is recorded", async () => {
  await using core = await MemoryManager.start();
  const command = await running(core);
  const { id, nonce } = command;
  await copied(core, command);
  const again = await core.admitted("web-1", {
    instance: INSTANCE,
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: FINISHED }],
  });
  assertEquals((await again.hears("commandAck")).final, true);
  assertEquals((await core.commands.get(id)).state, "lost");
});
