import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  Bye_Code,
  CommandResult_Status,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const { CANCELLED } = CommandResult_Status;

const ANN = { requestedBy: "ann", saidBy: "" };

Deno.test("an agent without open commands is removed, and told", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const removed = await core.agents.remove("web-1", { asker: ANN });
  assertEquals(removed, { commands: [], told: true });
  assertEquals((await agent.hears("bye")).code, Bye_Code.REMOVED);
  assertEquals(await core.agents.list(), []);
  const { message } = (await core.happened()).at(-1) ?? {};
  assertEquals(message, 'agent "web-1" was removed by ann');
});

Deno.test("an agent that is away is removed, and not told yet", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  assertEquals(await core.agents.remove("web-1"), {
    commands: [],
    told: false,
  });
});

Deno.test("a removal is refused with the ids of the commands that are open, and changes nothing", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1");
  await core.run("web-1");
  await assertRejects(
    () => core.agents.remove("web-1"),
    PiriError,
    'Cannot remove agent "web-1": command 1 on it has not ended; wait for it or cancel it, or force the removal, which cancels it first',
  );
  for (let count = 0; count < 11; count++) await core.run("web-1");
  const { code, message } = await assertRejects(
    () => core.agents.remove("web-1"),
    PiriError,
    "commands 1 2 3 4 5 6 7 8 9 10 and 2 more on it have not ended",
  );
  assertEquals([code, message.includes("force")], ["REFUSED", true]);
  assertEquals(core.commands.countOf("web-1"), 12);
  assertEquals((await core.agents.list()).length, 1);
  assertEquals((await core.run("web-1")).state, "sent");
});

Deno.test("a removal is refused while a command for the agent is being recorded", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1");
  const release = core.slow.hold("createCommands");
  const run = core.run("web-1");
  await core.clock.settle();
  await assertRejects(
    () => core.agents.remove("web-1"),
    PiriError,
    'Cannot remove agent "web-1": a command for it is being recorded',
  );
  release();
  assertEquals((await run).state, "sent");
});

Deno.test("an agent that is being removed starts nothing", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("web-2");
  await core.admitted("web-1");
  await core.admitted("web-2");
  const release = core.slow.hold("removeAgent");
  const removal = core.agents.remove("web-1");
  await core.clock.settle();
  await assertRejects(
    () => core.run("web-1"),
    PiriError,
    'Cannot run "echo.Echo" on "web-1": it is being removed',
  );
  await core.run("web-2");
  release();
  await removal;
});

Deno.test("a forced removal cancels the commands, waits for their ends, and only then tells the agent", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const removal = core.agents.remove("web-1", {
    force: true,
    asker: ANN,
  });
  assertEquals((await agent.hears("cancel")).commandId, id);
  await core.clock.advance(20_000);
  await agent.says("result", { commandId: id, status: CANCELLED });
  await core.clock.advance(100);
  const { commands, told } = await removal;
  const [command] = commands;
  assertEquals(
    [commands.length, told, command?.id, command?.state],
    [1, true, id, "cancelled"],
  );
  assertEquals(command?.cancelRequestedBy, "ann");
  assertEquals(
    agent.kindsSoFar().filter((kind) => kind !== "ping"),
    ["commandAck", "bye"],
  );
});

Deno.test("a command that has not ended 30 s after the cancel of a forced removal is lost", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  let done = false;
  const removal = core.agents.remove("web-1", { force: true })
    .finally(() => done = true);
  await core.clock.advance(15_000);
  await agent.says("pong");
  await core.clock.advance(14_900);
  assertEquals(done, false);
  await core.clock.advance(100);
  const { commands: [command] } = await removal;
  assertEquals([command?.id, command?.state], [id, "lost"]);
  const { message } = (await core.happened()).at(-1) ?? {};
  assertEquals(
    message,
    'agent "web-1" was removed by an operator; 1 of its commands had not ended',
  );
});

Deno.test("commands of an agent that is away are lost at once by a forced removal", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  agent.hangUp();
  await core.ends[0];
  const { commands: [command], told } = await core.agents.remove("web-1", {
    force: true,
  });
  assertEquals([command?.id, command?.state, told], [id, "lost", false]);
});

Deno.test("a command that was being recorded when a forced removal began is cancelled, too", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const release = core.slow.hold("createCommands");
  const run = core.run("web-1");
  await core.clock.settle();
  const removal = core.agents.remove("web-1", { force: true });
  await core.clock.advance(1_000);
  release();
  const { id } = await run;
  await core.clock.advance(100);
  await agent.hears("command");
  assertEquals((await agent.hears("cancel")).commandId, id);
  await agent.says("result", { commandId: id, status: CANCELLED });
  await core.clock.advance(100);
  assertEquals(
    (await removal).commands.map(({ state }) => state),
    ["cancelled"],
  );
});

Deno.test("a late result of a removed agent's command replaces the presumption", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  const removal = core.agents.remove("web-1", { force: true });
  await core.clock.advance(15_000);
  await agent.says("pong");
  await core.clock.advance(15_000);
  await removal;
  await agent.says("result", { commandId: id, status: CANCELLED });
  await core.clock.settle();
  assertEquals((await core.commands.get(id)).state, "cancelled");
});

Deno.test("a name that differs from another only in case is refused", async () => {
  await using core = await MemoryManager.start();
  await core.agents.add({ id: "web-1", groups: [], cidrs: [] });
  for (const id of ["WEB-1", "Web-1"]) {
    await assertRejects(
      () => core.agents.add({ id, groups: [], cidrs: [] }),
      PiriError,
      `Cannot add agent "${id}": there is "web-1", and names may not differ only in upper and lower case`,
    );
  }
});

Deno.test("a legacy agent is removed by force after its commands had their time", async () => {
  await using core = await MemoryManager.start();
  await core.knows("old-1");
  const agent = await core.admittedOld("old-1");
  await core.run("old-1", { params: '{"text":"x"}' });
  await agent.hears("command");
  const removal = core.agents.remove("old-1", { force: true });
  await core.clock.advance(30_000);
  const { commands } = await removal;
  assertEquals(commands.map(({ state }) => state), ["lost"]);
});
