import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  CommandResult_Status,
  CommandState_State,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { TIMELINE_EVENTS } from "../../../lib/manager/watching/timeline.ts";
import { KEYLESS_FEATURES } from "../../../lib/wire/features.ts";
import { MemoryManager, OLD_HELLO } from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

const { SUCCESS, CANCELLED } = CommandResult_Status;
const { RUNNING, FINISHED } = CommandState_State;

/** A Manager with a command that was sent a second after all other events. */
async function sent(request: Parameters<MemoryManager["run"]>[1] = {}) {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  await core.clock.advance(1_000);
  const { id, nonce } = await core.run("web-1", {
    requestedBy: "ann",
    ...request,
  });
  await agent.hears("command");
  await core.clock.advance(1_000);
  return {
    core,
    agent,
    id,
    nonce,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

/** Timeline as lines: seconds ago, evidence and text, with "now" for a present fact. */
async function lines(core: MemoryManager, id: bigint): Promise<string[]> {
  await core.clock.settle();
  const { at: now, entries } = await core.commands.timeline(id);
  return entries.map(({ at, evidence, text }) =>
    `${at === null ? "now" : (now - at) / 1_000} ${evidence}: ${text}`
  );
}

async function kinds(core: MemoryManager, id: bigint): Promise<string[]> {
  await core.clock.settle();
  const { entries } = await core.commands.timeline(id);
  return entries.map(({ kind }) => kind);
}

async function prints(
  { core, agent, id }: { core: MemoryManager; agent: ScriptedPeer; id: bigint },
): Promise<void> {
  await agent.says("commandOutput", {
    commandId: id,
    stream: OutputStream.STDOUT,
    bytes: new Uint8Array(5),
  });
  await agent.hears("commandAck");
  await core.clock.advance(1_000);
}

Deno.test("a sent command's timeline claims no more than that it was sent", async () => {
  await using parts = await sent();
  assertEquals(await lines(parts.core, parts.id), [
    "1 database: asked for by ann",
    "1 database: sent to instance 01234567, session 1: recorded before its first byte left",
    "1 memory: written to the agent's connection",
    "now connection: the agent is connected from 10.1.2.3:5000; it has not told of the command yet",
  ]);
});

Deno.test("a running command is known by its agent's last message, and the time since then", async () => {
  await using parts = await sent();
  const { core, agent, id } = parts;
  await agent.says("progress", { commandId: id, total: 1 });
  await core.clock.advance(1_000);
  assertEquals((await lines(core, id)).slice(3), [
    "1 database: running: the first word of it came from the agent",
    "now database: no output has come so far",
    "now connection: the agent is connected from 10.1.2.3:5000",
  ]);
  await prints(parts);
  await agent.says("progress", {
    commandId: id,
    current: 3,
    total: 9,
    message: "copying",
  });
  await core.clock.advance(2_000);
  assertEquals((await lines(core, id)).slice(4), [
    "3 memory: last output: 5 bytes of stdout and 0 of stderr received, all acknowledged",
    "2 memory: progress 3 of 9 copying",
    "now connection: the agent is connected from 10.1.2.3:5000",
  ]);
});

Deno.test("received output that is not durable yet is not called acknowledged", async () => {
  await using parts = await sent();
  const { core, agent, id } = parts;
  await prints(parts);
  const release = core.slow.hold("appendOutput");
  await agent.says("commandOutput", {
    commandId: id,
    stream: OutputStream.STDERR,
    bytes: new Uint8Array(2),
  });
  assertEquals(
    (await lines(core, id))[4],
    "0 memory: last output: 5 bytes of stdout and 2 of stderr received, 5 and 0 acknowledged",
  );
  release();
});

Deno.test("a result is shown with the agent's report and the time of its acknowledgement", async () => {
  await using parts = await sent();
  const { core, agent, id } = parts;
  await prints(parts);
  await agent.says("result", {
    commandId: id,
    status: SUCCESS,
    exitCode: 0,
    stdoutBytes: 5n,
    startedAtMs: 1_000n,
    finishedAtMs: 5_500n,
    reaped: { signalled: 2, alive: [41] },
  });
  await agent.hears("commandAck");
  assertEquals((await lines(core, id)).slice(-2), [
    "0 result: result recorded: succeeded, exit code 0; processes signalled: 2, still alive: 41; it took 4.5 s by the agent's clock; 5 bytes of stdout and 0 of stderr printed",
    "0 memory: result acknowledged: the agent may forget the command",
  ]);
});

for (
  const [request, consequence] of [
    [
      {},
      "it is to go on there, and its output and result wait there",
    ],
    [
      { onDisconnect: "kill", killAfterMs: 60_000 },
      "it is to be ended there 60 s after the link was lost",
    ],
    [
      { onDisconnect: "kill" },
      "it is to be ended there at once",
    ],
  ] as const
) {
  Deno.test(`a timeline tells while the link is down: ${consequence}`, async () => {
    await using parts = await sent(request);
    const { core, agent, id } = parts;
    await prints(parts);
    agent.hangUp();
    await core.ends[0];
    await core.clock.advance(3_000);
    const [event, verdict, ...rest] = (await lines(core, id)).slice(-2);
    assertStringIncludes(
      event ?? "",
      '3 events: agent "web-1" is not connected any more: ',
    );
    assertEquals(
      verdict,
      `3 connection: the agent is not connected; ${consequence}`,
    );
    assertEquals(rest, []);
  });
}

Deno.test("a command's arrival is not claimed while its agent is away and has not reported it", async () => {
  await using parts = await sent();
  const { core, agent, id } = parts;
  agent.hangUp();
  await core.ends[0];
  assertStringIncludes(
    (await lines(core, id)).at(-1) ?? "",
    "whether the command arrived is not known; if so, it is to go on there",
  );
});

Deno.test("a cancel is shown as requested, as waiting, and as sent", async () => {
  await using parts = await sent();
  const { core, agent, id, nonce } = parts;
  await prints(parts);
  agent.hangUp();
  await core.ends[0];
  await core.clock.advance(1_000);
  await core.commands.cancel(id, { graceMs: 30_000 });
  await core.clock.advance(1_000);
  const waiting = await lines(core, id);
  assertEquals(waiting.slice(-2), [
    "1 database: cancel requested, 30 s between SIGTERM and SIGKILL",
    "now connection: the cancel waits: it is sent again when the agent is back and lists the command",
  ]);
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: RUNNING, stdout: 9n }],
  });
  await again.hears("cancel");
  await core.clock.advance(1_000);
  await again.says("result", {
    commandId: id,
    status: CANCELLED,
    signal: "SIGTERM",
    stdoutBytes: 9n,
  });
  await again.hears("commandAck");
  const told = (await lines(core, id)).slice(-5);
  assertEquals(told.filter((line) => !line.includes(" events: ")), [
    "1 hello: the agent came back, session 2, and listed it as running: 9 bytes of stdout and 0 of stderr printed",
    "1 memory: the cancel was sent to the agent, session 2",
    "0 result: result recorded: cancelled by SIGTERM; 9 bytes of stdout and 0 of stderr printed, 4 of them not kept",
    "0 memory: result acknowledged: the agent may forget the command",
  ]);
});

Deno.test("a command cancelled before it was sent ended here, and not by an agent's report", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  await core.clock.advance(1_000);
  const { id } = await core.run("web-1", { requestedBy: "" });
  assertEquals(await lines(core, id), [
    "0 database: asked for by an operator",
    "now connection: the agent is connected from 10.1.2.3:5000; the command waits until it takes some",
  ]);
  await core.commands.cancel(id);
  assertEquals(await lines(core, id), [
    "0 database: asked for by an operator",
    "0 database: cancel requested",
    "0 database: cancelled: cancelled before it was sent",
  ]);
});

Deno.test("a presumption is shown with its reason and the facts that would replace it", async () => {
  await using parts = await sent();
  const { core, agent, id } = parts;
  agent.hangUp();
  await core.ends[0];
  await core.clock.advance(1_000);
  await core.commands.giveUp(id, { requestedBy: "ann" });
  await core.clock.advance(1_000);
  assertEquals((await lines(core, id)).slice(-4), [
    `1 events: command ${id} on "web-1" is given up by ann`,
    "1 database: presumed lost: given up by the operator",
    "now database: a result replaces this, or a hello of the agent that lists the command",
    "now connection: the agent is not connected",
  ]);
});

Deno.test("a wrong presumption is shown as such", async () => {
  await using parts = await sent();
  const { core, agent, id, nonce } = parts;
  agent.hangUp();
  await core.ends[0];
  await core.commands.giveUp(id, { requestedBy: "ann" });
  await core.clock.advance(1_000);
  await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: FINISHED, stdout: 5n }],
  });
  const told = await kinds(core, id);
  assertEquals(told.slice(told.indexOf("command_given_up")), [
    "command_given_up",
    "running",
    "listed",
    "command_found",
    "agent_connected",
    "output",
    "connected",
  ]);
  assertStringIncludes(
    (await lines(core, id)).join("\n"),
    "listed it as finished: its result is on the agent",
  );
});

Deno.test("a timeline after a restart has the recorded facts, and tells that the rest is unknown", async () => {
  await using parts = await sent();
  const { core, agent, id } = parts;
  await prints(parts);
  agent.hangUp();
  await core.ends[0];
  await core.clock.advance(1_000);
  await using again = await core.restarted();
  await core.clock.advance(1_000);
  const told = await lines(again, id);
  assertEquals(told.slice(0, 3), [
    "4 database: asked for by ann",
    "4 database: sent to instance 01234567, session 1: recorded before its first byte left",
    "3 database: running: the first word of it came from the agent",
  ]);
  assertEquals(told.slice(4), [
    "2 connection: the agent is not connected; it is to go on there, and its output and result wait there",
    "1 memory: this Manager was started: what the one before it had not recorded is not known any more",
    "now database: 5 bytes of stdout and 0 of stderr recorded; when the last of it came is not known any more",
  ]);
});

Deno.test("a result is not called acknowledged after a restart until the agent lists it again", async () => {
  await using parts = await sent();
  const { core, agent, id, nonce } = parts;
  await agent.says("result", { commandId: id, status: SUCCESS });
  await agent.hears("commandAck");
  agent.hangUp();
  await core.ends[0];
  await using again = await core.restarted();
  assertEquals((await kinds(again, id)).at(-1), "unacknowledged");
  const back = await again.admitted("web-1", {
    session: 9n,
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: FINISHED }],
  });
  assertEquals((await back.hears("commandAck")).final, true);
  assertEquals((await kinds(again, id)).at(-1), "acknowledged");
});

Deno.test("a timeline stays short when an agent comes and goes all the time", async () => {
  await using parts = await sent();
  const { core, id } = parts;
  await Promise.all(
    Array.from({ length: 2 * TIMELINE_EVENTS }, (_, n) =>
      core.store.addEvent({
        at: core.clock.now() + n,
        kind: "agent_connected",
        agent: "web-1",
        commandId: null,
        message: `time ${n}`,
      })),
  );
  await core.clock.advance(1_000);
  const told = await lines(core, id);
  assertEquals(told[3], "0.8 events: earlier events are left out");
  assertEquals(
    told.filter((line) => line.includes(": time ")).length,
    TIMELINE_EVENTS,
  );
});

Deno.test("an unknown command has no timeline", async () => {
  await using parts = await sent();
  const error = await assertRejects(
    () => parts.core.commands.timeline(99n),
    PiriError,
  );
  assertEquals(error.code, "NOT_FOUND");
});

Deno.test("a program that outlives its agent is said to go on also without it", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1", {
    features: [...KEYLESS_FEATURES],
  });
  const { id } = await core.run("web-1", {
    operation: "command.Run",
    params: '{"argv":["id"]}',
    requestedBy: "ann",
    survive: true,
  });
  await agent.hears("command");
  await prints({ core, agent, id });
  await core.clock.settle();
  agent.hangUp();

  const told = await lines(core, id);

  assertStringIncludes(told[0] ?? "", "; its program outlives its agent");
  assertStringIncludes(
    told.at(-1) ?? "",
    "; it is to go on there, also if its agent has ended, and its output and result wait there",
  );
});
