import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const { FAILED } = CommandResult_Status;

const request = { requestId: "again", requestedBy: "ann" };

/** A Manager whose agent has ended a command. */
async function withEnded() {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1", {
    operation: "command.Run",
    params: '{"argv":["make"]}',
    timeoutMs: 5_000,
    onDisconnect: "kill",
    killAfterMs: 70_000,
  });
  await agent.hears("command");
  await agent.says("result", { commandId: id, status: FAILED });
  await agent.hears("commandAck");
  return {
    core,
    agent,
    id,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

Deno.test("a rerun is a new command that does the same on the same agent, and names the original", async () => {
  await using parts = await withEnded();
  const { core, agent, id } = parts;
  const again = await core.commands.rerun(id, request);
  const sent = await agent.hears("command");
  const first = await core.commands.get(id);
  assertEquals(
    [again.agent, again.rerunOf, again.requestedBy, first.rerunOf],
    ["web-1", id, "ann", null],
  );
  assertEquals(
    [sent.commandId, sent.type, sent.data, sent.timeoutMs, sent.killAfterMs],
    [again.id, "command.Run", '{"argv":["make"]}', 5_000, 70_000],
  );
  assertEquals(sent.nonce === first.nonce, false);
  assertEquals((await core.store.command(again.id))?.rerunOf, id);
});

Deno.test("a repeated request for a rerun starts nothing twice", async () => {
  await using parts = await withEnded();
  const { core, agent, id } = parts;
  const again = await core.commands.rerun(id, request);
  assertEquals((await core.commands.rerun(id, request)).id, again.id);
  await agent.hears("command");
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
});

Deno.test("an open command is not run again", async () => {
  await using parts = await withEnded();
  const { core, id } = parts;
  const again = await core.commands.rerun(id, request);
  const error = await assertRejects(
    () => core.commands.rerun(again.id, { ...request, requestId: "third" }),
    PiriError,
    `Cannot run command ${again.id} again: it has not ended, it is sent`,
  );
  assertEquals(error.code, "FAILED_PRECONDITION");
});

Deno.test("a rerun needs a connected agent and an existing command", async () => {
  await using parts = await withEnded();
  const { core, agent, id } = parts;
  agent.hangUp();
  await core.ends[0];
  const away = await assertRejects(
    () => core.commands.rerun(id, request),
    PiriError,
  );
  const absent = await assertRejects(
    () => core.commands.rerun(99n, request),
    PiriError,
  );
  assertEquals([away.code, absent.code], ["UNAVAILABLE", "NOT_FOUND"]);
});

Deno.test("the original command shows that it was repeated", async () => {
  await using parts = await withEnded();
  const { core, id } = parts;
  const again = await core.commands.rerun(id, request);
  const event = (await core.happened()).at(-1);
  assertEquals([event?.kind, event?.commandId, event?.message], [
    "command_rerun",
    id,
    `command ${id} on "web-1" is repeated as command ${again.id} by ann`,
  ]);
});
