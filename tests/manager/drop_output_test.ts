import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { running } from "../support/running.ts";

Deno.test("the output of a command that has ended can be deleted, and its counts stay", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const bytes = new TextEncoder().encode("secret");
  await agent.says("commandOutput", { commandId: id, stream: 1, bytes });
  const refused = await assertRejects(
    () => core.commands.dropOutput(id),
    PiriError,
  );
  await agent.says("result", { commandId: id, status: 1, stdoutBytes: 6n });
  await agent.hears("commandAck");
  await core.clock.settle();
  assertEquals(await core.output(id), "secret");
  await core.commands.dropOutput(id);

  assertEquals(
    [refused.code, refused.message],
    [
      "FAILED_PRECONDITION",
      `Cannot delete the output of command ${id}: it has not ended, it is running`,
    ],
  );
  assertEquals(await core.output(id), "");
  const { stdoutHeld, outputKept } = await core.commands.get(id);
  assertEquals([stdoutHeld, outputKept], [6n, 0n]);
  assertEquals((await core.store.stats()).outputBytes, 0n);
});
