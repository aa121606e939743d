import { assertEquals } from "@std/assert";
import {
  CommandResult_Status,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

Deno.test("a cut in the output stays marked when the result arrives", async () => {
  await using core = await MemoryManager.start({});
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  await agent.says("commandOutput", {
    commandId: id,
    stream: OutputStream.STDOUT,
    offset: 8n,
    cut: 8n,
    bytes: new TextEncoder().encode("yz"),
  });
  await agent.hears("commandAck");
  await agent.says("result", {
    commandId: id,
    status: CommandResult_Status.SUCCESS,
    stdoutBytes: 10n,
  });
  await agent.hears("commandAck");

  assertEquals((await core.commands.get(id)).truncated, true);
  assertEquals((await core.store.command(id))?.truncated, true);
});

Deno.test("a command that is reopened goes on to keep both ends of its output", async () => {
  await using core = await MemoryManager.start({ keepBytes: 8n });
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const print = async (offset: bigint, text: string) => {
    await agent.says("commandOutput", {
      commandId: id,
      stream: OutputStream.STDOUT,
      offset,
      bytes: new TextEncoder().encode(text),
    });
    await agent.hears("commandAck");
  };
  await print(0n, "abc");
  await print(3n, "def");
  await core.commands.giveUp(id, { requestedBy: "" });
  await print(6n, "g");

  const kept = await core.store.readOutput(id, {
    stream: "stdout",
    offset: 0n,
    limit: 100,
  });
  assertEquals(kept.map(({ bytes }) => new TextDecoder().decode(bytes)), [
    "ab",
    "def",
    "g",
  ]);
  assertEquals((await core.store.command(id))?.outputKept, 6n);
});
