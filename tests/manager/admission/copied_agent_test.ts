import { assertEquals } from "@std/assert";
import {
  CommandResult_Status,
  CommandState_State,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  INSTANCE,
  MemoryManager,
  OTHER_INSTANCE,
} from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

const { LOST, REFUSED, FAILED, SUCCESS } = CommandResult_Status;
const { ACCEPTED, RUNNING, FINISHED } = CommandState_State;
const { STDOUT } = OutputStream;

/** Starts a command on web-1 that has printed "so far", and returns its id and nonce. */
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

/** Connects a copy of the host. Its journal has the command as one that ran when the agent ended. */
function copyDials(
  core: MemoryManager,
  { id, nonce }: { id: bigint; nonce: bigint },
): Promise<ScriptedPeer> {
  return core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: FINISHED, stdout: 6n }],
  });
}

/** Connects the original again, which is another instance now. */
function originalDials(
  core: MemoryManager,
  { id, nonce }: { id: bigint; nonce: bigint },
  state = RUNNING,
): Promise<ScriptedPeer> {
  return core.admitted("web-1", {
    instance: OTHER_INSTANCE,
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state, stdout: 6n }],
  });
}

/** Sends the result of the copy, by default LOST. */
async function saysLost(
  copy: ScriptedPeer,
  commandId: bigint,
  status = LOST,
): Promise<void> {
  await copy.says("result", {
    commandId,
    status,
    output: "the agent ended while the command ran",
    stdoutBytes: 6n,
    reaped: { signalled: 0, alive: [] },
  });
}

/** Connects a copy of the host, and waits until the command is recorded as lost by it. */
async function copied(
  core: MemoryManager,
  command: { id: bigint; nonce: bigint },
): Promise<void> {
  const { id } = command;
  const copy = await copyDials(core, command);
  await saysLost(copy, id);
  assertEquals((await copy.hears("commandAck")).final, true);
  assertEquals((await core.commands.get(id)).state, "lost");
}

Deno.test("a command that a cloned host reported lost runs on when the original reconnects", async () => {
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

Deno.test("an agent that reported a command lost gets the acknowledgement again", async () => {
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

for (const status of [LOST, REFUSED]) {
  Deno.test(`${CommandResult_Status[status]} from a replaced copy does not end a command that the original runs`, async () => {
    await using core = await MemoryManager.start();
    const command = await running(core);
    const { id } = command;
    const copy = await copyDials(core, command);
    const original = await originalDials(core, command);
    await saysLost(copy, id, status);
    await core.clock.settle();
    assertEquals((await core.commands.get(id)).state, "running");
    await prints(original, id, ", and on", 6n);
    await original.says("result", {
      commandId: id,
      status: SUCCESS,
      stdoutBytes: 14n,
    });
    await core.clock.settle();
    assertEquals((await core.store.command(id))?.state, "succeeded");
    assertEquals(await core.output(id), "so far, and on");
    assertEquals(
      (await core.happened()).filter(({ kind }) => kind === "result_ignored")
        .map(({ commandId, message }) => [commandId, message]),
      [[
        id,
        `agent "web-1" delivered a result of command ${id}, which a newer hello of this agent listed`,
      ]],
    );
  });
}

const MEANWHILE: readonly {
  name: string;
  state?: CommandState_State;
  act?: (
    core: MemoryManager,
    original: ScriptedPeer,
    id: bigint,
  ) => Promise<unknown> | undefined;
}[] = [
  { name: "that the original has only accepted", state: ACCEPTED },
  {
    name: "of an original that has disconnected",
    act: (core, original) => {
      original.hangUp();
      return core.ends[2];
    },
  },
  {
    name: "that the operator has given up",
    act: (core, _, id) => core.commands.giveUp(id, { requestedBy: "test" }),
  },
];

for (const { name, state = RUNNING, act } of MEANWHILE) {
  Deno.test(`LOST from a replaced copy does not end a command ${name}`, async () => {
    await using core = await MemoryManager.start();
    const command = await running(core);
    const { id, nonce } = command;
    const copy = await copyDials(core, command);
    const back = await originalDials(core, command, state);
    await act?.(core, back, id);
    await saysLost(copy, id);
    await core.clock.settle();
    // It is the same instance here, for which an ended command has ended for good.
    const original = await core.admitted("web-1", {
      lastCommandId: id,
      commands: [{ commandId: id, nonce, state: FINISHED, stdout: 6n }],
    });
    await original.says("result", {
      commandId: id,
      status: SUCCESS,
      stdoutBytes: 6n,
    });
    await core.clock.settle();
    assertEquals((await core.store.command(id))?.state, "succeeded");
  });
}

Deno.test("a failed result is recorded even from a replaced connection", async () => {
  await using core = await MemoryManager.start();
  const command = await running(core);
  const { id } = command;
  const replaced = await copyDials(core, command);
  await originalDials(core, command);
  await saysLost(replaced, id, FAILED);
  await core.clock.settle();
  assertEquals((await core.store.command(id))?.state, "failed");
});

Deno.test("a copy whose result was ignored sends it again, and gets an acknowledgement", async () => {
  await using core = await MemoryManager.start();
  const command = await running(core);
  const { id } = command;
  const copy = await copyDials(core, command);
  await originalDials(core, command);
  await saysLost(copy, id);
  await core.clock.settle();
  // The copy got Bye before: an acknowledgement would not have arrived.
  assertEquals(copy.kindsSoFar(), ["bye"]);
  // The copy has the newest connection now.
  await copied(core, command);
});

Deno.test("a command is lost if a later connection reports so, though an earlier hello listed it", async () => {
  await using core = await MemoryManager.start();
  const command = await running(core);
  await originalDials(core, command);
  await copied(core, command);
});

Deno.test("a command is lost if the connection that listed it as running reports so", async () => {
  await using core = await MemoryManager.start();
  const command = await running(core);
  await saysLost(await originalDials(core, command), command.id);
  await core.clock.settle();
  assertEquals((await core.store.command(command.id))?.state, "lost");
});

for (const status of [LOST, REFUSED]) {
  Deno.test(`${CommandResult_Status[status]} from a replaced copy does not end a command that the original has finished`, async () => {
    await using core = await MemoryManager.start();
    const command = await running(core);
    const { id } = command;
    const copy = await copyDials(core, command);
    const original = await originalDials(core, command, FINISHED);
    await saysLost(copy, id, status);
    await original.says("result", {
      commandId: id,
      status: SUCCESS,
      stdoutBytes: 6n,
    });
    await core.clock.settle();
    assertEquals((await core.store.command(id))?.state, "succeeded");
  });
}
