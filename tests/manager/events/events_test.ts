import { assertEquals, assertRejects } from "@std/assert";
import { ALL_EVENTS } from "../../../lib/base/event_filter.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { MAX_WAITING } from "../../../lib/manager/events/event_follower.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { follow } from "../../support/event_follower.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const { SUCCESS, FAILED } = CommandResult_Status;

const LIFE = [
  'command_requested: command 1 (echo.Echo) on "web-1" was requested by ann',
  'run: "echo.Echo" on "web-1" by ann',
  'command_progress: command 1 (echo.Echo) on "web-1": 3 of 9 copying',
  'command_succeeded: command 1 (echo.Echo) on "web-1" succeeded',
];

/** Lets web-1 run a command to its end, with some progress. */
async function runsToItsEnd(
  core: MemoryManager,
  status: CommandResult_Status = SUCCESS,
): Promise<void> {
  const agent = await core.admitted("web-1");
  const { id: commandId } = await core.run("web-1", { requestedBy: "ann" });
  await agent.hears("command");
  await core.clock.advance(10);
  await agent.says("progress", { commandId, current: 0, total: 1 });
  await core.clock.advance(2_000);
  await agent.says("progress", {
    commandId,
    current: 3,
    total: 9,
    message: "copying",
  });
  await core.clock.advance(2_000);
  await agent.says("result", { commandId, status, exitCode: 4 });
  await core.clock.settle();
}

Deno.test("events tell how each command began, went on and ended, without a write of their own", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await runsToItsEnd(core);
  assertEquals(await core.seen({ kinds: ["command_*", "run"] }), LIFE);
  assertEquals(await core.eventKinds(), ["agent_connected", "run"]);
});

Deno.test("a bad end is told once, with its reason", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await runsToItsEnd(core, FAILED);
  assertEquals(await core.seen({ kinds: ["command_f*"] }), [
    'command_failed: command 1 (echo.Echo) on "web-1": exit code 4',
  ]);
});

Deno.test("a follower gets the life of a command as it is recorded, each event once", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const filter = { kinds: ["run", "command_*"] };
  await using following = follow(core, { filter });
  await runsToItsEnd(core);
  assertEquals(following.heard, LIFE);
});

Deno.test("an event that happens while the history is read is told once, whatever the start is", async () => {
  for (
    const start of [{ tail: 1_000 }, { tail: 3 }, { afterId: 0n }, {
      after: { at: 0, source: "event" as const, id: 0n },
    }]
  ) {
    await using core = await MemoryManager.start();
    for (let count = 0; count < 5; count++) core.events.add("run", `${count}`);
    await core.clock.settle();
    const begun = follow(core, { start });
    // Recorded before, while and after the follower reads the history.
    for (let count = 5; count < 9; count++) {
      core.events.add("run", `${count}`);
      await Promise.resolve();
    }
    await core.clock.settle();
    core.events.add("run", "9");
    await core.clock.settle();
    await begun[Symbol.asyncDispose]();
    const numbers = begun.heard.map((line) => Number(line.split(" ")[1]));
    assertEquals(numbers, [...new Set(numbers)]);
    assertEquals(numbers.slice(-4), [6, 7, 8, 9]);
  }
});

Deno.test("a follower gets only the wanted agents and kinds", async () => {
  await using core = await MemoryManager.start();
  await using following = follow(core, {
    filter: { agents: ["web-1"], kinds: ["agent_*"] },
  });
  core.events.add("agent_joined", "1", { agent: "web-1" });
  core.events.add("agent_joined", "2", { agent: "web-2" });
  core.events.add("run", "3", { agent: "web-1" });
  core.events.add("agent_joined", "4");
  core.events.add("agent_disconnected", "5", { agent: "web-1" });
  await core.clock.settle();
  assertEquals(following.heard, ["agent_joined: 1", "agent_disconnected: 5"]);
});

Deno.test("a follower that reads too slowly is told so, and misses nothing unnoticed", async () => {
  await using core = await MemoryManager.start();
  const events = core.events.watch({ tail: 0 }, {
    follow: true,
    filter: ALL_EVENTS,
    signal: new AbortController().signal,
  })[Symbol.asyncIterator]();
  const first = events.next();
  await core.clock.settle();
  for (let count = 0; count <= MAX_WAITING + 1; count++) {
    core.events.add("run", `${count}`);
  }
  await core.clock.settle();
  assertEquals((await first).value?.message, "0");
  const error = await assertRejects(() => events.next(), PiriError);
  assertEquals(error.code, "BUSY");
});

Deno.test("a command that is cancelled before it was sent, or lost with its connection, has an end, too", async () => {
  await using core = await MemoryManager.start();
  await core.knows("old-1");
  await using following = follow(core, { filter: { kinds: ["command_*"] } });
  const agent = await core.hello("old-1", {
    protocol: 0,
    features: [],
    instance: "",
    session: 0n,
  });
  await agent.hears("serverHello");
  // Queued until the first Pong of a legacy agent.
  await core.run("old-1");
  await core.commands.cancel(1n, { graceMs: 0, requestedBy: "ann" });
  await agent.says("pong");
  await core.clock.advance(1);
  await core.run("old-1");
  await agent.says("progress", { commandId: 2n });
  await core.clock.settle();
  agent.hangUp();
  await core.clock.settle();
  const ends = [
    'command_cancelled: command 1 (echo.Echo) on "old-1": cancelled before it was sent',
    `command_lost: command 2 (echo.Echo) on "old-1" is lost: it may have run: the agent's connection ended`,
  ];
  const isEnd = (line: string) => !line.startsWith("command_requested");
  assertEquals((await core.seen({ kinds: ["command_*"] })).filter(isEnd), ends);
  assertEquals(following.heard.filter(isEnd), ends);
});
