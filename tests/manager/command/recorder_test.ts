import { assertEquals, assertMatch } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  Bye_Code,
  CommandResult_Status,
  CommandState_State,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  type CoreOptions,
  MemoryManager,
} from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

const { SUCCESS, FAILED } = CommandResult_Status;
const { STDOUT, STDERR } = OutputStream;

/** Starts a core with one agent, which has one command. */
async function running(options: CoreOptions = {}): Promise<
  { core: MemoryManager; agent: ScriptedPeer; id: bigint } & AsyncDisposable
> {
  const core = await MemoryManager.start(options);
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  return {
    core,
    agent,
    id,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

/** Text of a stream, from an offset on. */
function printed(
  commandId: bigint,
  offset: number | bigint,
  text: string,
  { stream = STDOUT, cut = 0n }: { stream?: OutputStream; cut?: bigint } = {},
) {
  const bytes = new TextEncoder().encode(text);
  return { commandId, stream, offset: BigInt(offset), bytes, cut };
}

/** Reads the next acknowledgement. */
async function ack(
  agent: ScriptedPeer,
): Promise<{ stdout: bigint; stderr: bigint; final: boolean }> {
  const { stdout, stderr, final } = await agent.hears("commandAck");
  return { stdout, stderr, final };
}

Deno.test("output is kept in order and acknowledged once it is durable", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const release = core.slow.hold("appendOutput");
  await agent.says("commandOutput", printed(id, 0, "hello "));
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
  release();
  assertEquals(await ack(agent), { stdout: 6n, stderr: 0n, final: false });
  await agent.says("commandOutput", printed(id, 6, "world"));
  await agent.says("commandOutput", printed(id, 0, "oh", { stream: STDERR }));
  await ack(agent);
  await core.clock.settle();
  assertEquals(await core.output(id), "hello world");
  assertEquals(await core.output(id, "stderr"), "oh");
  assertEquals((await core.commands.get(id)).state, "running");
});

Deno.test("output that begins above the held bytes is a violation", async () => {
  await using parts = await running();
  const { agent, core, id } = parts;
  await agent.says("commandOutput", printed(id, 1, "x"));
  assertEquals((await agent.hears("bye")).code, Bye_Code.PROTOCOL_ERROR);
  await agent.hearsTheEnd();
  assertEquals(await core.output(id), "");
  assertEquals(core.counters.all()["protocol_errors"], 1n);
});

Deno.test("a cut that reaches down to the held bytes is recorded and counts as held", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await agent.says("commandOutput", printed(id, 0, "ab"));
  await ack(agent);
  await agent.says("commandOutput", printed(id, 10, "yz", { cut: 8n }));
  assertEquals(await ack(agent), { stdout: 12n, stderr: 0n, final: false });
  assertEquals((await core.store.command(id))?.truncated, true);
  const watcher = core.watch(id);
  assertEquals([await watcher.next(), await watcher.next()], [
    "running",
    'stdout 0 "ab"',
  ]);
  assertEquals(await watcher.next(), 'stdout 10 "yz" after a cut of 8');
  watcher.stop();
});

Deno.test("a cut that is too short to reach the held bytes is a violation", async () => {
  await using parts = await running();
  const { agent, id } = parts;
  await agent.says("commandOutput", printed(id, 10, "yz", { cut: 9n }));
  assertEquals((await agent.hears("bye")).code, Bye_Code.PROTOCOL_ERROR);
});

Deno.test("a cut without bytes up to the end counts as held", async () => {
  await using parts = await running();
  const { agent, id } = parts;
  await agent.says("commandOutput", printed(id, 10, "", { cut: 10n }));
  assertEquals((await ack(agent)).stdout, 10n);
});

Deno.test("bytes that are already held are dropped and acknowledged", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await agent.says("commandOutput", printed(id, 0, "abcd"));
  await ack(agent);
  await agent.says("commandOutput", printed(id, 1, "bc"));
  assertEquals((await ack(agent)).stdout, 4n);
  assertEquals(core.counters.all()["output_repeated"], 1n);
  await agent.says("commandOutput", printed(id, 2, "cdef"));
  assertEquals((await ack(agent)).stdout, 6n);
  assertEquals(await core.output(id), "abcdef");
});

Deno.test("output of an unknown stream is counted, and the connection stays", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await agent.says(
    "commandOutput",
    printed(id, 0, "x", { stream: 9 as OutputStream }),
  );
  await agent.says("ping");
  await agent.hears("pong");
  assertEquals(core.counters.all()["unknown_streams"], 1n);
});

Deno.test("the middle of a long output is acknowledged, counted as held and marked", async () => {
  await using parts = await running({ keepBytes: 8n });
  const { core, agent, id } = parts;
  await agent.says("commandOutput", printed(id, 0, "abc"));
  await ack(agent);
  await agent.says("commandOutput", printed(id, 3, "defg"));
  assertEquals((await ack(agent)).stdout, 7n);
  await agent.says("commandOutput", printed(id, 7, "hi"));
  assertEquals((await ack(agent)).stdout, 9n);
  assertEquals(await core.output(id), "abhi");
  const record = await core.store.command(id);
  assertEquals([record?.stdoutHeld, record?.outputKept, record?.truncated], [
    9n,
    4n,
    true,
  ]);
});

for (
  const { name, pieces, next, kept } of [
    {
      name: "the middle of the output moves on",
      pieces: (id: bigint) => [printed(id, 0, "abc"), printed(id, 3, "defg")],
      next: 7,
      kept: "abdefgh",
    },
    {
      name: "a long output takes nothing from the other stream",
      pieces: (id: bigint) => [
        printed(id, 0, "abc"),
        printed(id, 0, "defghij", { stream: STDERR }),
      ],
      next: 3,
      kept: "abch",
    },
    {
      name: "a piece is kept whole that has some of the end",
      pieces: (id: bigint) => [printed(id, 0, "abcdefg")],
      next: 7,
      kept: "abcdefgh",
    },
    {
      name: "output is kept on where a cut was the last of it",
      pieces: (id: bigint) => [
        printed(id, 0, "abc"),
        printed(id, 7, "", { cut: 4n }),
      ],
      next: 7,
      kept: "abh",
    },
  ]
) {
  Deno.test(`recorded output after a restart of the Manager: ${name}`, async () => {
    await using parts = await running({ keepBytes: 8n });
    const { core, agent, id } = parts;
    for (const piece of pieces(id)) {
      await agent.says("commandOutput", piece);
      await ack(agent);
    }
    const { nonce } = await core.commands.get(id);
    await using restarted = await core.restarted();
    const again = await restarted.admitted("web-1", {
      session: 100n,
      lastCommandId: id,
      commands: [{ commandId: id, nonce, state: CommandState_State.RUNNING }],
    });
    await again.says("commandOutput", printed(id, next, "h"));
    assertEquals((await ack(again)).stdout, BigInt(next) + 1n);
    assertEquals(await restarted.output(id), kept);
  });
}

Deno.test("a result is recorded before it is acknowledged for good", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const release = core.slow.hold("patchCommand");
  await agent.says("result", {
    commandId: id,
    status: FAILED,
    exitCode: 3,
    output: "why",
    startedAtMs: 1_000n,
    finishedAtMs: 2_000n,
    reaped: { signalled: 2, alive: [17] },
    data: new TextEncoder().encode('{"errorCode":"NOT_STARTED","n":1}'),
  });
  await core.clock.settle();
  assertEquals(agent.heardSoFar(), []);
  release();
  assertEquals((await ack(agent)).final, true);
  const record = await core.commands.get(id);
  assertEquals(
    {
      state: record.state,
      exitCode: record.exitCode,
      reason: record.reason,
      errorCode: record.errorCode,
      data: record.data,
      agentStartedAt: record.agentStartedAt,
      agentFinishedAt: record.agentFinishedAt,
      finishedAt: record.finishedAt,
      reaped: [record.reapedSignalled, ...record.reapedAlive],
    },
    {
      state: "failed",
      exitCode: 3,
      reason: "why",
      errorCode: "NOT_STARTED",
      data: '{"errorCode":"NOT_STARTED","n":1}',
      agentStartedAt: 1_000,
      agentFinishedAt: 2_000,
      finishedAt: core.clock.now(),
      reaped: [2, 17],
    },
  );
  assertEquals((await core.seen({ kinds: ["command_failed"] })).length, 1);
});

Deno.test("the first result stands, and a repeated one is acknowledged and causes an event", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await agent.says("result", { commandId: id, status: SUCCESS });
  await ack(agent);
  await agent.says("result", { commandId: id, status: FAILED });
  assertEquals((await ack(agent)).final, true);
  assertEquals((await core.commands.get(id)).state, "succeeded");
  assertEquals((await core.eventKinds()).at(-1), "result_ignored");
});

Deno.test("a result of an id that nobody assigned is acknowledged and causes an event", async () => {
  await using parts = await running();
  const { core, agent } = parts;
  await agent.says("result", { commandId: 4_711n, status: SUCCESS });
  assertEquals((await ack(agent)).final, true);
  assertEquals((await core.eventKinds()).at(-1), "result_ignored");
});

Deno.test("an agent's report on another agent's command changes nothing there", async () => {
  await using parts = await running();
  const { core, id } = parts;
  await core.knows("web-2");
  const stranger = await core.admitted("web-2");
  await stranger.says("commandOutput", printed(id, 0, "lies"));
  assertEquals((await ack(stranger)).stdout, 4n);
  await stranger.says("progress", { commandId: id, current: 1, total: 2 });
  await stranger.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await ack(stranger)).final, true);
  assertEquals(await core.output(id), "");
  const { state, progressCurrent } = await core.commands.get(id);
  assertEquals([state, progressCurrent], ["sent", null]);
});

Deno.test("a result of an id listed with another nonce is ignored and acknowledged", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  agent.hangUp();
  await core.ends[0];
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{
      commandId: id,
      nonce: 1n,
      state: CommandState_State.FINISHED,
    }],
  });
  assertMatch((await core.commands.get(id)).reason, /^it may have run/);
  await again.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await ack(again)).final, true);
  assertEquals((await core.commands.get(id)).state, "lost");
});

Deno.test("output of an unknown command is acknowledged cumulatively, and its result forgets it", async () => {
  await using parts = await running();
  const { agent } = parts;
  await agent.says("commandOutput", printed(4_711n, 100, "abc"));
  assertEquals(await ack(agent), { stdout: 103n, stderr: 0n, final: false });
  await agent.says(
    "commandOutput",
    printed(4_711n, 0, "x", { stream: STDERR }),
  );
  assertEquals(await ack(agent), { stdout: 103n, stderr: 1n, final: false });
});

Deno.test("a result closes both streams, and the missing bytes are a cut", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await agent.says("commandOutput", printed(id, 0, "abc"));
  await ack(agent);
  await agent.says("result", {
    commandId: id,
    status: SUCCESS,
    stdoutBytes: 10n,
    stderrBytes: 2n,
  });
  assertEquals(await ack(agent), { stdout: 10n, stderr: 2n, final: true });
  const { truncated, stdoutHeld, stderrHeld } = await core.commands.get(id);
  assertEquals([truncated, stdoutHeld, stderrHeld], [true, 10n, 2n]);
  assertEquals(await core.watch(id).rest(), [
    "succeeded",
    'stdout 0 "abc"',
    'stdout 10 "" after a cut of 7',
    'stderr 2 "" after a cut of 2',
    "succeeded",
  ]);
});

Deno.test("a late acknowledgement of output never replaces the final one", async () => {
  await using parts = await running({ keepBytes: 0n });
  const { core, agent, id } = parts;
  // A watcher that does not read delays the acknowledgement of output that is not kept.
  const watcher = core.watch(id);
  await watcher.next();
  await agent.says("commandOutput", printed(id, 0, "abc"));
  await core.clock.settle();
  await agent.says("result", {
    commandId: id,
    status: SUCCESS,
    stdoutBytes: 3n,
  });
  assertEquals(await ack(agent), { stdout: 3n, stderr: 0n, final: true });
  await core.clock.advance(10_001);
  await agent.says("pong");
  await core.clock.settle();
  assertEquals(agent.kindsSoFar(), []);
  watcher.stop();
});

Deno.test("the text of a result is its output when the agent lacks the feature", async () => {
  await using core = await MemoryManager.start();
  await core.knows("old-1");
  const agent = await core.admittedOld("old-1");
  const { id } = await core.run("old-1");
  await agent.hears("command");
  await agent.says("result", {
    commandId: id,
    status: SUCCESS,
    output: "hi\n",
  });
  await core.clock.settle();
  assertEquals(await core.output(id), "hi\n");
  const { state, reason, stdoutHeld } = await core.commands.get(id);
  assertEquals([state, reason, stdoutHeld], ["succeeded", "", 3n]);
  assertEquals(agent.heardSoFar(), []);
});

Deno.test("progress is recorded once a second, with the newest value", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await agent.says("progress", { commandId: id, current: 0, total: 9 });
  await core.clock.settle();
  assertEquals((await core.store.command(id))?.state, "running");
  for (let current = 1; current <= 5; current++) {
    await agent.says("progress", { commandId: id, current, total: 9 });
  }
  await core.clock.settle();
  assertEquals((await core.store.command(id))?.progressCurrent, null);
  assertEquals((await core.commands.get(id)).progressCurrent, 5);
  await core.clock.advance(1_000);
  await agent.says("progress", { commandId: id, current: 6, total: 9 });
  await core.clock.settle();
  assertEquals((await core.store.command(id))?.progressCurrent, 6);
});

Deno.test("output that could not be recorded is requested again, and none of it is missing", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const { nonce } = await core.commands.get(id);
  core.slow.failOnce("appendOutput", new PiriError("DISK", "Cannot write"));
  await agent.says("commandOutput", printed(id, 0, "abc"));
  const bye = await agent.hears("bye");
  assertEquals([bye.code, bye.retryAfterMs], [Bye_Code.BUSY, 2_500]);
  // The agent had sent more already.
  await agent.says("commandOutput", printed(id, 3, "def"));
  await core.clock.advance(2_000);
  await core.ends[0];
  const again = await core.hello("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: CommandState_State.RUNNING }],
  });
  const { resume: [from] } = await again.hears("serverHello");
  assertEquals(from?.stdout, 0n);
  await again.says("commandOutput", printed(id, 0, "abc"));
  assertEquals((await ack(again)).stdout, 3n);
  await again.says("commandOutput", printed(id, 3, "def"));
  assertEquals((await ack(again)).stdout, 6n);
  assertEquals(await core.output(id), "abcdef");
});

Deno.test("a piece after one that could not be recorded is dropped too, and both are requested again", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const release = core.slow.hold("appendOutput");
  core.slow.failOnce("appendOutput", new PiriError("DISK", "Cannot write"));
  await agent.says("commandOutput", printed(id, 0, "abc"));
  await agent.says("commandOutput", printed(id, 3, "def"));
  await core.clock.settle();
  release();
  await agent.hears("bye");
  await core.clock.settle();
  const { nonce, truncated, stdoutHeld, outputKept } = await core.commands.get(
    id,
  );
  assertEquals([truncated, stdoutHeld, outputKept], [false, 0n, 0n]);
  agent.hangUp();
  await core.ends[0];
  const again = await core.hello("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: CommandState_State.RUNNING }],
  });
  const { resume } = await again.hears("serverHello");
  assertEquals(resume.map(({ stdout }) => stdout), [0n]);
});

Deno.test("a result after output that could not be recorded is dropped, and both arrive again", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const { nonce } = await core.commands.get(id);
  const release = core.slow.hold("appendOutput");
  core.slow.failOnce("appendOutput", new PiriError("DISK", "Cannot write"));
  await agent.says("commandOutput", printed(id, 0, "abc"));
  const end = { commandId: id, status: SUCCESS, stdoutBytes: 3n };
  await agent.says("result", end);
  await core.clock.settle();
  release();
  assertEquals((await agent.hears("bye")).code, Bye_Code.BUSY);
  agent.hangUp();
  await core.ends[0];
  assertEquals((await core.commands.get(id)).state, "running");

  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: CommandState_State.FINISHED }],
  });
  await again.says("commandOutput", printed(id, 0, "abc"));
  await again.says("result", end);
  await core.clock.settle();

  const { state, stdoutHeld, outputKept, truncated } = await core.commands.get(
    id,
  );
  assertEquals([state, stdoutHeld, outputKept, truncated], [
    "succeeded",
    3n,
    3n,
    false,
  ]);
});

Deno.test("a result that could not be recorded is requested again", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const { nonce } = await core.commands.get(id);
  core.slow.failOnce("patchCommand", new PiriError("DISK", "Cannot write"));
  await agent.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await agent.hears("bye")).code, Bye_Code.BUSY);
  agent.hangUp();
  await core.ends[0];
  const again = await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: CommandState_State.FINISHED }],
  });
  await core.clock.settle();
  assertEquals(again.heardSoFar(), []);
  await again.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await ack(again)).final, true);
  assertEquals((await core.store.command(id))?.state, "succeeded");
});

Deno.test("an agent's messages are recorded while its connection is left", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{
      commandId: id,
      nonce: (await core.commands.get(id)).nonce,
      state: CommandState_State.RUNNING,
    }],
  });
  await agent.hears("bye");
  await agent.says("commandOutput", printed(id, 0, "late"));
  await agent.says("result", {
    commandId: id,
    status: SUCCESS,
    stdoutBytes: 4n,
  });
  await core.clock.settle();
  assertEquals((await core.commands.get(id)).state, "succeeded");
  assertEquals(await core.output(id), "late");
});
