import { assertEquals, assertLess, assertMatch } from "@std/assert";
import {
  CommandResult_Status,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { Limits } from "../../../lib/base/limits.ts";
import { MANAGER, MemoryAgent } from "../../support/memory_agent.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

const { SUCCESS, FAILED, CANCELLED } = CommandResult_Status;

/** Next output that is received, in a short form. */
async function heardOutput(manager: ScriptedPeer): Promise<string> {
  const { stream, offset, bytes, cut } = await manager.hears("commandOutput");
  const text = new TextDecoder().decode(bytes);
  const name = stream === OutputStream.STDOUT ? "stdout" : "stderr";
  return `${name} ${offset} "${text}"${
    cut > 0n ? ` after a cut of ${cut}` : ""
  }`;
}

/** Agent with a command that has printed on both streams, and whose connection is up. */
async function printing(): Promise<
  { agent: MemoryAgent; manager: ScriptedPeer }
> {
  const agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  await manager.says("command", { commandId: 1n, nonce: 7n });
  await manager.hears("progress");
  return { agent, manager };
}

Deno.test("an accepted command is answered with progress 0 of 1", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  await manager.says("command", { commandId: 1n, nonce: 7n });
  const { commandId, current, total } = await manager.hears("progress");
  assertEquals([commandId, current, total], [1n, 0, 1]);
  assertEquals(agent.journal.find(MANAGER, 1n)?.state, "running");
});

Deno.test("output, progress and result are sent as they come, the result last", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  const job = agent.workers.newest;
  await job.prints("one");
  assertEquals(await heardOutput(manager), 'stdout 0 "one"');
  await job.prints("oh", "stderr");
  assertEquals(await heardOutput(manager), 'stderr 0 "oh"');
  job.sink.progress(1, 2, "half");
  const progress = await manager.hears("progress");
  assertEquals([progress.current, progress.total, progress.message], [
    1,
    2,
    "half",
  ]);
  await job.prints("two");
  job.ends({ exitCode: 0 });
  assertEquals(await heardOutput(manager), 'stdout 3 "two"');
  const result = await manager.hears("result");
  assertEquals([result.status, result.stdoutBytes], [SUCCESS, 6n]);
});

Deno.test("the newest progress is sent, however fast it comes", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  for (let current = 1; current <= 1_000; current++) {
    agent.workers.newest.sink.progress(current, 1_000, "");
  }
  await agent.clock.settle();
  const told = manager.heardSoFar();
  assertEquals(told.length < 10, true, `${told.length} messages`);
  const newest = told.at(-1);
  assertEquals(newest?.case === "progress" && newest.value.current, 1_000);
});

Deno.test("large output is sent in pieces of 64 KiB, each byte once and in order", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  const bytes = Uint8Array.from(
    { length: 300_000 },
    (_, i) => i * 7 + (i >> 8),
  );
  await agent.workers.newest.sink.output("stdout", bytes);
  const received = new Uint8Array(bytes.length);
  let next = 0;
  while (next < bytes.length) {
    const piece = await manager.hears("commandOutput");
    assertEquals([piece.offset, piece.cut], [BigInt(next), 0n]);
    assertEquals(piece.bytes.length <= 65_536, true);
    received.set(piece.bytes, next);
    next += piece.bytes.length;
  }
  assertEquals(received, bytes);
});

Deno.test("output continues after a reconnect from the byte that the Manager wants", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  await agent.workers.newest.prints("0123456789");
  await manager.hears("commandOutput");
  manager.hangUp();
  await agent.ends[0];
  await agent.workers.newest.prints("ab");
  const again = await agent.welcomed({
    resume: [{ commandId: 1n, stdout: 4n, stderr: 0n }],
  });
  await again.hears("progress");
  assertEquals(await heardOutput(again), 'stdout 4 "456789ab"');
});

Deno.test("a result without a final acknowledgement is sent again over the next connection", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  agent.workers.newest.ends();
  await manager.hears("result");
  manager.hangUp();
  await agent.ends[0];
  const again = await agent.welcomed({ resume: [{ commandId: 1n }] });
  await again.hears("result");
  await again.says("commandAck", { commandId: 1n, final: true });
  await agent.clock.settle();
  assertEquals(agent.journal.entries(), []);
  again.hangUp();
  await agent.ends[1];
  const third = await agent.welcomed();
  await agent.clock.settle();
  assertEquals(third.heardSoFar(), []);
});

Deno.test("a command that ended while the link was down is delivered when it is up, output first", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  manager.hangUp();
  await agent.ends[0];
  await agent.workers.newest.prints("alone");
  agent.workers.newest.ends({ success: false, exitCode: 2 });
  await agent.clock.settle();
  const again = await agent.welcomed({ resume: [{ commandId: 1n }] });
  assertEquals(await heardOutput(again), 'stdout 0 "alone"');
  const { status, exitCode } = await again.hears("result");
  assertEquals([status, exitCode], [FAILED, 2]);
});

Deno.test("a final acknowledgement of a running command does not forget it", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  await manager.says("commandAck", { commandId: 1n, final: true });
  await agent.clock.settle();
  assertEquals(agent.journal.entries().length, 1);
  agent.workers.newest.ends();
  await manager.hears("result");
});

Deno.test("acknowledged output is dropped and lets the program print on", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  let printed = false;
  const job = agent.workers.newest;
  const wait = job.printsBytes(5 * 1_048_576).then(() => printed = true);
  await agent.clock.settle();
  assertEquals(printed, false);
  await manager.says("commandAck", { commandId: 1n, stdout: 2_000_000n });
  await wait;
  assertEquals(
    agent.journal.find(MANAGER, 1n)?.acknowledged("stdout"),
    2_000_000n,
  );
});

Deno.test("acknowledgements only grow, never exceed the output, and are ignored for unknown commands", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  await agent.workers.newest.prints("0123456789");
  for (const stdout of [6n, 3n]) {
    await manager.says("commandAck", { commandId: 1n, stdout });
  }
  await manager.says("commandAck", { commandId: 9n, stdout: 1n, final: true });
  await agent.clock.settle();
  const entry = agent.journal.find(MANAGER, 1n);
  assertEquals(entry?.acknowledged("stdout"), 6n);
  await manager.says("commandAck", { commandId: 1n, stdout: 1_000n });
  await agent.clock.settle();
  assertEquals(entry?.acknowledged("stdout"), 10n);
});

Deno.test("another Manager gets neither output nor result", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  await agent.workers.newest.prints("secret");
  manager.hangUp();
  await agent.ends[0];
  const other = await agent.welcomed({ managerId: "manager-2" });
  await agent.workers.newest.prints("more");
  agent.workers.newest.ends();
  await agent.clock.settle();
  assertEquals(other.heardSoFar(), []);
  await other.says("commandAck", { commandId: 1n, final: true });
  await agent.clock.settle();
  assertEquals(agent.journal.entries().length, 1);
});

Deno.test("a cancel reaches the worker, and the result says so", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  await manager.says("cancel", { commandId: 1n, graceMs: 1_000 });
  await agent.clock.advance(1_000);
  assertEquals(agent.workers.newest.asked, ["stop", "kill"]);
  agent.workers.newest.ends({ success: false, signal: "SIGKILL" });
  assertEquals((await manager.hears("result")).status, CANCELLED);
});

Deno.test("a cancel of an ended command is answered with its result again", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  agent.workers.newest.ends();
  await manager.hears("result");
  await manager.says("cancel", { commandId: 1n });
  assertEquals((await manager.hears("result")).status, SUCCESS);
});

Deno.test("a cancel of an unknown command is counted and ignored", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed();
  await manager.says("cancel", { commandId: 9n });
  await manager.says("ping");
  await manager.hears("pong");
  assertEquals(agent.counters.all(), { cancels_unknown: 1n });
});

Deno.test("a repeated Command is counted and ignored", async () => {
  const { agent, manager } = await printing();
  await using _ = agent;
  await manager.says("command", { commandId: 1n, nonce: 7n });
  await manager.says("ping");
  await manager.hears("pong");
  assertEquals(agent.counters.all(), { commands_repeated: 1n });
});

Deno.test("a result without the output feature carries the output as one string", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ features: ["chunks"] });
  await manager.says("command", { commandId: 1n, nonce: 7n });
  await manager.hears("progress");
  await agent.workers.newest.prints("printed\n");
  await agent.workers.newest.prints("oh\n", "stderr");
  agent.workers.newest.ends({ success: false, exitCode: 3 });
  const { status, output } = await manager.hears("result");
  assertEquals(status, FAILED);
  assertMatch(output, /^printed\noh\n\nexit code 3$/);
  await agent.clock.settle();
  // Nobody will acknowledge it.
  assertEquals(agent.journal.entries(), []);
});

Deno.test("output that does not fit into the result for a legacy Manager is cut and says so", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await manager.says("command", { commandId: 1n });
  await manager.hears("progress");
  await agent.workers.newest.prints("ä".repeat(100_000));
  agent.workers.newest.ends();
  await manager.hears("progress");
  const { output } = await manager.hears("result");
  assertEquals(new TextEncoder().encode(output).length <= 49_152, true);
  assertMatch(output, /^ä+\n\[output was cut\]\nä+$/);
});

Deno.test("long output hides neither the end of stderr nor the end in words from a legacy Manager", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await manager.says("command", { commandId: 1n });
  await manager.hears("progress");
  await agent.workers.newest.prints(`first line\n${"x".repeat(100_000)}\n`);
  await agent.workers.newest.prints(
    `${"noise\n".repeat(20_000)}the reason\n`,
    "stderr",
  );
  agent.workers.newest.ends({
    success: false,
    message: "The program ended with exit code 4",
  });
  await manager.hears("progress");
  const { output } = await manager.hears("result");
  assertEquals(new TextEncoder().encode(output).length <= 49_152, true);
  assertMatch(
    output,
    /^first line\nx+\n\[output was cut\]\nx+\n\n\[output was cut\]\n[noise\n]+the reason\n\nThe program ended with exit code 4$/,
  );
});

Deno.test("short standard error stays whole for a legacy Manager, however long the standard output is", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await manager.says("command", { commandId: 1n });
  await manager.hears("progress");
  await agent.workers.newest.prints("whole reason\n", "stderr");
  await agent.workers.newest.prints("\xff".repeat(3_000_000));
  agent.workers.newest.ends({ success: false, exitCode: 4 });
  await manager.hears("progress");
  const { output } = await manager.hears("result");
  assertEquals(new TextEncoder().encode(output).length > 49_000, true);
  assertMatch(
    output,
    /^ÿ+\n\[output was cut\]\nÿ+whole reason\n\nexit code 4$/,
  );
});

Deno.test("a legacy Manager hears progress 0 of 1 at the beginning and 1 of 1 before the result", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await manager.says("command", { commandId: 1n });
  const begin = await manager.hears("progress");
  assertEquals([begin.current, begin.total], [0, 1]);
  agent.workers.newest.ends({ success: false, exitCode: 1 });
  const end = await manager.hears("progress");
  assertEquals([end.commandId, end.current, end.total], [1n, 1, 1]);
  assertEquals((await manager.hears("result")).status, FAILED);
});

Deno.test("a legacy Manager hears the last step of a command with steps of its own, and once", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await manager.says("command", { commandId: 1n });
  await manager.hears("progress");
  agent.workers.newest.sink.progress(2, 3, "");
  await manager.hears("progress");
  agent.workers.newest.ends();
  const end = await manager.hears("progress");
  assertEquals([end.current, end.total], [3, 3]);
  await manager.hears("result");

  await manager.says("command", { commandId: 2n });
  await manager.hears("progress");
  agent.workers.newest.sink.progress(3, 3, "");
  assertEquals((await manager.hears("progress")).current, 3);
  agent.workers.newest.ends();
  await manager.hears("result");
});

Deno.test("a legacy Manager gets only statuses that it knows", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await manager.says("command", { commandId: 1n, timeoutMs: 1_000 });
  await manager.hears("progress");
  await agent.clock.advance(1_000);
  agent.workers.newest.ends({ success: false });
  assertEquals((await manager.hears("result")).status, FAILED);
  agent.runner.refuse("the agent stops");
  await manager.says("command", { commandId: 2n });
  const refused = await manager.hears("result");
  assertEquals(refused.status, FAILED);
  assertMatch(refused.output, /the agent stops/);
});

Deno.test("an id that a legacy Manager gave twice means the newest command", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await manager.says("command", { commandId: 1n });
  await manager.hears("progress");
  await manager.says("command", { commandId: 1n });
  await manager.hears("progress");
  await manager.says("cancel", { commandId: 1n });
  await agent.clock.settle();
  const [first, second] = agent.workers.jobs;
  second?.ends();
  first?.ends();
  await agent.clock.settle();
  assertEquals(
    manager.heardSoFar().map((body) =>
      body.case === "result" ? body.value.status : body.case
    ).toSorted(),
    [SUCCESS, CANCELLED, "progress"],
  );
  assertEquals(agent.journal.entries(), []);
});

Deno.test("hundreds of commands with output do not overrun a Manager that reads slowly", async () => {
  await using agent = await MemoryAgent.start();
  const entries = Array.from({ length: 200 }, (_, i) =>
    agent.journal.accept({
      id: BigInt(i + 1),
      nonce: 7n,
      managerId: MANAGER,
      command: new Uint8Array(),
    }));
  for (const entry of await Promise.all(entries)) {
    await entry.append("stdout", new Uint8Array(Limits.chunk));
    await entry.finish(new Uint8Array());
  }
  const manager = await agent.welcomed();
  for (let count = 0; count < entries.length; count++) {
    await manager.hears("commandOutput");
    assertLess(agent.session?.connection.queuedBytes ?? Infinity, 524_288);
  }
  for (let count = 0; count < entries.length; count++) {
    await manager.hears("result");
  }
});
