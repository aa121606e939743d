import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  MAX_ID_JUMP,
  MAX_RUNNING,
} from "../../../lib/agent/runner/acceptance.ts";
import {
  CommandResult_Status,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MANAGER, MemoryAgent, resultOf } from "../../support/memory_agent.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";

const { SUCCESS, FAILED, CANCELLED, TIMED_OUT, REFUSED, LOST } =
  CommandResult_Status;

const MIB = 1_048_576;

/** Cancel as received. */
function cancelOf(commandId: bigint, graceMs?: number) {
  return graceMs === undefined
    ? { commandId } as Parameters<MemoryAgent["runner"]["cancel"]>[0]
    : { commandId, graceMs } as Parameters<MemoryAgent["runner"]["cancel"]>[0];
}

/** True if a promise has settled by now. */
async function isSettled(
  core: MemoryAgent,
  promise: Promise<unknown>,
): Promise<boolean> {
  let settled = false;
  promise.finally(() => settled = true);
  await core.clock.settle();
  return settled;
}

Deno.test("a command is on the disk as running before its worker has it", async () => {
  await using core = await MemoryAgent.start();
  const entry = await core.accepted({
    commandId: 5n,
    type: "command.Run",
    data: '{"argv":["true"]}',
  });
  assertEquals(core.workers.newest.job, {
    commandId: 5n,
    operation: "command.Run",
    params: '{"argv":["true"]}',
    marker: "5-7",
  });
  assertEquals(entry.state, "running");
  await using later = await core.restarted();
  assertEquals(later.journal.find(MANAGER, 5n)?.state, "running");
  assertEquals(later.journal.lastCommandId, 5n);
});

Deno.test("a result is durable with all output, times and counts", async () => {
  await using core = await MemoryAgent.start();
  const entry = await core.accepted({ commandId: 1n });
  const startedAt = core.clock.now();
  await core.workers.newest.prints("hello");
  await core.workers.newest.prints("oh", "stderr");
  await core.clock.advance(1_500);
  core.workers.newest.ends({ success: false, exitCode: 3, changed: true });
  await core.clock.settle();
  const result = resultOf(entry);
  assertEquals(
    [
      result.status,
      result.exitCode,
      result.changed,
      result.stdoutBytes,
      result.stderrBytes,
    ],
    [FAILED, 3, true, 5n, 2n],
  );
  assertEquals(
    [result.startedAtMs, result.finishedAtMs],
    [BigInt(startedAt), BigInt(startedAt + 1_500)],
  );
  await using later = await core.restarted();
  const found = later.journal.find(MANAGER, 1n);
  assertEquals(found?.state, "finished");
  const piece = await found?.read("stdout", 0n, 100);
  assertEquals(new TextDecoder().decode(piece?.bytes), "hello");
});

Deno.test("a command with a known id and nonce is ignored, also once it has ended", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 1n, nonce: 3n });
  assertEquals(await core.accept({ commandId: 1n, nonce: 3n }), undefined);
  core.workers.newest.ends();
  await core.clock.settle();
  assertEquals(await core.accept({ commandId: 1n, nonce: 3n }), undefined);
  assertEquals(core.workers.jobs.length, 1);
});

Deno.test("an id that is not above the highest accepted is refused", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 5n, nonce: 3n });
  for (const commandId of [5n, 4n]) {
    const { status, output, data } = await core.refused({
      commandId,
      nonce: 4n,
    });
    assertEquals(status, REFUSED);
    assertMatch(output, /the agent has accepted 5 before/);
    assertEquals(new TextDecoder().decode(data), '{"errorCode":"REFUSED"}');
  }
  assertEquals(core.workers.jobs.length, 1);
});

Deno.test("an id too far above the highest is refused, and later commands are accepted as before", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 5n });
  for (const commandId of [5n + MAX_ID_JUMP + 1n, 2n ** 63n - 1n]) {
    const { status, output, data } = await core.refused({ commandId });
    assertEquals(status, REFUSED);
    assertMatch(
      output,
      new RegExp(`its id is ${commandId - 5n} above the last one, 5, and`),
    );
    assertEquals(new TextDecoder().decode(data), '{"errorCode":"REFUSED"}');
  }
  assertEquals(core.journal.lastCommandId, 5n);
  await core.accepted({ commandId: 6n });
  await using later = await core.restarted();
  assertEquals(later.journal.lastCommandId, 6n);
});

Deno.test("a new journal takes ids as high as a Manager's may have become, and no others", async () => {
  await using core = await MemoryAgent.start();
  await core.refused({ commandId: 2n ** 63n - 1n });
  assertEquals(core.journal.lastCommandId, 0n);
  // A Manager that has followed an agent to 2^32, more than once.
  await core.accepted({ commandId: 5n * 2n ** 32n });
  await core.accepted({ commandId: 5n * 2n ** 32n + MAX_ID_JUMP });
});

Deno.test("an id of a legacy Manager is accepted, however high it is", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 2n ** 63n - 1n, nonce: 0n }, "");
  assertEquals(core.journal.lastCommandId, 0n);
});

Deno.test("each command of a legacy Manager is new and changes no number", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 5n });
  await core.accepted({ commandId: 3n, nonce: 0n }, "");
  await core.accepted({ commandId: 3n, nonce: 0n }, "");
  assertEquals(core.journal.lastCommandId, 5n);
  assertEquals(core.workers.jobs.length, 3);
});

Deno.test("commands beyond 32 at a time are refused as busy", async () => {
  await using core = await MemoryAgent.start();
  for (let id = 1n; id <= MAX_RUNNING; id++) {
    await core.accepted({ commandId: id });
  }
  const { status, output } = await core.refused({ commandId: 100n });
  assertEquals(status, REFUSED);
  assertMatch(output, /busy, 32 commands are running/);
  assertEquals(core.journal.lastCommandId, 32n);
  core.workers.newest.ends();
  await core.clock.settle();
  await core.accepted({ commandId: 101n });
});

Deno.test("an unknown on_disconnect is refused", async () => {
  await using core = await MemoryAgent.start();
  const { status, output } = await core.refused({
    commandId: 1n,
    onDisconnect: 9 as OnDisconnect,
  });
  assertEquals(status, REFUSED);
  assertMatch(output, /on_disconnect 9/);
});

Deno.test("an agent that stops refuses commands and ends what runs", async () => {
  await using core = await MemoryAgent.start();
  const entry = await core.accepted({ commandId: 1n });
  core.runner.refuse("the agent stops");
  const stopped = core.runner.stop();
  assertEquals((await core.refused({ commandId: 2n })).status, REFUSED);
  assertEquals(core.workers.newest.asked, ["stop"]);
  assertEquals(await isSettled(core, stopped), false);
  core.workers.newest.ends({ success: false, signal: "SIGTERM" });
  await stopped;
  const { status, output } = resultOf(entry);
  assertEquals([status, output], [FAILED, "agent stopped"]);
});

Deno.test("a command that cannot be stored is refused and leaves nothing, whichever call of the disk fails", async () => {
  const outcomes: string[] = [];
  for (let nth = 0; nth < 6; nth++) {
    let calls = -Infinity;
    await using core = await MemoryAgent.start(
      new MemoryDisk({ fault: () => calls++ >= nth ? "error" : undefined }),
    );
    calls = 0;
    const outcome = await core.accept({ commandId: 1n });
    assert(outcome !== undefined);
    const isRefused = "status" in outcome;
    assertEquals(core.journal.entries().length, isRefused ? 0 : 1);
    assertEquals(core.workers.jobs.length, isRefused ? 0 : 1);
    outcomes.push(isRefused ? "refused" : "accepted");
    calls = -Infinity;
  }
  assertEquals(new Set(outcomes), new Set(["refused", "accepted"]));
});

Deno.test("a cancel asks first and kills when the grace is over", async () => {
  await using core = await MemoryAgent.start();
  const entry = await core.accepted({ commandId: 1n });
  assertEquals(core.runner.cancel(cancelOf(1n), MANAGER), true);
  await core.clock.advance(4_999);
  assertEquals(core.workers.newest.asked, ["stop"]);
  await core.clock.advance(1);
  assertEquals(core.workers.newest.asked, ["stop", "kill"]);
  core.workers.newest.ends({ success: false, signal: "SIGKILL" });
  await core.clock.settle();
  const { status, signal } = resultOf(entry);
  assertEquals([status, signal], [CANCELLED, "SIGKILL"]);
  await core.clock.advance(60_000);
  assertEquals(core.workers.newest.asked, ["stop", "kill"]);
});

Deno.test("a later cancel can only shorten the grace", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 1n });
  core.runner.cancel(cancelOf(1n, 10_000), MANAGER);
  core.runner.cancel(cancelOf(1n, 60_000), MANAGER);
  await core.clock.advance(1_000);
  core.runner.cancel(cancelOf(1n, 2_000), MANAGER);
  await core.clock.advance(1_999);
  assertEquals(core.workers.newest.asked, ["stop"]);
  await core.clock.advance(1);
  assertEquals(core.workers.newest.asked, ["stop", "kill"]);
});

Deno.test("a command that does not end though it was killed is given up", async () => {
  await using core = await MemoryAgent.start();
  const entry = await core.accepted({ commandId: 1n });
  core.runner.cancel(cancelOf(1n, 0), MANAGER);
  await core.clock.advance(10_000);
  assertEquals(core.workers.newest.asked, ["stop", "kill", "abandon"]);
  await core.clock.settle();
  const { status, output } = resultOf(entry);
  assertEquals(status, CANCELLED);
  assertMatch(output, /did not end and was given up/);
});

Deno.test("a cancel of a command that has ended, is another Manager's or is unknown finds nothing", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 1n });
  assertEquals(core.runner.cancel(cancelOf(2n), MANAGER), false);
  assertEquals(core.runner.cancel(cancelOf(1n), "manager-2"), false);
  core.workers.newest.ends();
  await core.clock.settle();
  assertEquals(core.runner.cancel(cancelOf(1n), MANAGER), false);
});

Deno.test("a timeout is measured from the start", async () => {
  await using core = await MemoryAgent.start();
  const entry = await core.accepted({ commandId: 1n, timeoutMs: 3_000 });
  await core.clock.advance(2_999);
  assertEquals(core.workers.newest.asked, []);
  await core.clock.advance(1);
  assertEquals(core.workers.newest.asked, ["stop"]);
  core.workers.newest.ends({ success: false });
  await core.clock.settle();
  assertEquals(resultOf(entry).status, TIMED_OUT);
});

Deno.test("the first of cancel and timeout names the end", async () => {
  await using core = await MemoryAgent.start();
  const first = await core.accepted({ commandId: 1n, timeoutMs: 1_000 });
  const second = await core.accepted({ commandId: 2n, timeoutMs: 1_000 });
  const [one, two] = core.workers.jobs;
  core.runner.cancel(cancelOf(1n), MANAGER);
  await core.clock.advance(1_000);
  core.runner.cancel(cancelOf(2n), MANAGER);
  one?.ends({ success: false });
  two?.ends({ success: false });
  await core.clock.settle();
  assertEquals(resultOf(first).status, CANCELLED);
  assertEquals(resultOf(second).status, TIMED_OUT);
  assertEquals([one?.asked, two?.asked], [["stop"], ["stop"]]);
});

Deno.test("a command that ended before its timeout leaves no timer", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 1n, timeoutMs: 1_000 });
  core.workers.newest.ends();
  await core.clock.settle();
  assertEquals(core.clock.timers, 0);
});

Deno.test("output beyond 4 MiB waits while the link acknowledges", async () => {
  await using core = await MemoryAgent.start();
  core.runner.linkUp(true);
  const entry = await core.accepted({ commandId: 1n });
  const job = core.workers.newest;
  for (let count = 0; count < 3; count++) await job.printsBytes(MIB);
  const last = job.printsBytes(MIB);
  assertEquals(await isSettled(core, last), false);
  await entry.acknowledge({ stdout: 1n, stderr: 0n });
  core.runner.acknowledged(entry);
  assertEquals(await isSettled(core, last), true);
});

Deno.test("output does not wait without a link, or on one that does not acknowledge", async () => {
  await using core = await MemoryAgent.start();
  await core.accepted({ commandId: 1n });
  await core.workers.newest.printsBytes(5 * MIB);
  core.runner.linkUp(false);
  await core.workers.newest.printsBytes(5 * MIB);
});

Deno.test("output that waits continues when the link goes down", async () => {
  await using core = await MemoryAgent.start();
  core.runner.linkUp(true);
  await core.accepted({ commandId: 1n });
  const printed = core.workers.newest.printsBytes(4 * MIB);
  assertEquals(await isSettled(core, printed), false);
  core.runner.linkDown();
  assertEquals(await isSettled(core, printed), true);
});

Deno.test("output that waits continues when the command must end", async () => {
  await using core = await MemoryAgent.start();
  core.runner.linkUp(true);
  await core.accepted({ commandId: 1n });
  const printed = core.workers.newest.printsBytes(4 * MIB);
  assertEquals(await isSettled(core, printed), false);
  core.runner.cancel(cancelOf(1n), MANAGER);
  assertEquals(await isSettled(core, printed), true);
});

Deno.test("a command that must not outlive its link is ended when the link stays away", async () => {
  await using core = await MemoryAgent.start();
  core.runner.linkUp(true);
  const entry = await core.accepted({
    commandId: 1n,
    onDisconnect: OnDisconnect.KILL,
    killAfterMs: 60_000,
  });
  core.runner.linkDown();
  await core.clock.advance(59_999);
  core.runner.linkUp(true);
  await core.clock.advance(100_000);
  core.runner.linkDown();
  await core.clock.advance(59_999);
  assertEquals(core.workers.newest.asked, []);
  await core.clock.advance(1);
  assertEquals(core.workers.newest.asked, ["stop"]);
  core.workers.newest.ends({ success: false });
  await core.clock.settle();
  const { status, output } = resultOf(entry);
  assertEquals([status, output], [CANCELLED, "link lost"]);
});

Deno.test("a command that begins without a link has its time from there, until there is one", async () => {
  await using core = await MemoryAgent.start();
  const kill = { onDisconnect: OnDisconnect.KILL, killAfterMs: 60_000 };
  await core.accepted({ commandId: 1n, ...kill });
  await core.clock.advance(59_999);
  core.runner.linkUp(true);
  await core.clock.advance(100_000);
  assertEquals(core.workers.newest.asked, []);
  core.runner.linkDown();
  await core.accepted({ commandId: 2n, ...kill });
  await core.clock.advance(60_000);
  assertEquals(core.workers.newest.asked, ["stop"]);
});

Deno.test("a command that continues does not mind the link", async () => {
  await using core = await MemoryAgent.start();
  core.runner.linkUp(true);
  await core.accepted({ commandId: 1n, killAfterMs: 1_000 });
  core.runner.linkDown();
  await core.clock.advance(1e9);
  assertEquals(core.workers.newest.asked, []);
});

Deno.test("a kill after no time at all comes as soon as the link is down", async () => {
  await using core = await MemoryAgent.start();
  core.runner.linkUp(true);
  await core.accepted({ commandId: 1n, onDisconnect: OnDisconnect.KILL });
  core.runner.linkDown();
  await core.clock.advance(0);
  assertEquals(core.workers.newest.asked, ["stop"]);
});

Deno.test("a command that an earlier run left running is ended and lost, with its output and a receipt", async () => {
  const core = await MemoryAgent.start();
  await core.accepted({ commandId: 1n, nonce: 255n });
  core.workers.newest.sink.started({ pid: 17, startTime: "1" });
  await core.workers.newest.prints("so far");
  await core.clock.settle();
  await using later = await core.restarted();
  later.receipt = { signalled: 2, alive: [99] };
  await later.runner.settlePast();
  assertEquals(later.sought.map(({ marker }) => marker), ["1-ff"]);
  assertEquals(later.sought[0]?.processes.map(({ pid }) => pid), [17]);
  const entry = later.journal.find(MANAGER, 1n);
  assert(entry !== undefined);
  const { status, stdoutBytes, reaped } = resultOf(entry);
  assertEquals([status, stdoutBytes], [LOST, 6n]);
  assertEquals([reaped?.signalled, ...reaped?.alive ?? []], [2, 99]);
});

Deno.test("a command that an earlier run had not started is refused", async () => {
  const core = await MemoryAgent.start();
  await core.journal.accept({
    id: 1n,
    nonce: 7n,
    managerId: MANAGER,
    command: new Uint8Array(),
  });
  await using later = await core.restarted();
  await later.runner.settlePast();
  const entry = later.journal.find(MANAGER, 1n);
  assert(entry !== undefined);
  assertEquals(resultOf(entry).status, REFUSED);
  assertEquals(later.sought, []);
});

Deno.test("a command that an earlier run had finished stays as it is", async () => {
  const core = await MemoryAgent.start();
  await core.accepted({ commandId: 1n });
  core.workers.newest.ends();
  await core.clock.settle();
  await using later = await core.restarted();
  await later.runner.settlePast();
  const entry = later.journal.find(MANAGER, 1n);
  assert(entry !== undefined);
  assertEquals(resultOf(entry).status, SUCCESS);
  assertEquals(later.sought, []);
});

Deno.test("a result that the disk does not take is tried again until it does", async () => {
  let broken = false;
  await using core = await MemoryAgent.start(
    new MemoryDisk({ fault: () => broken ? "error" : undefined }),
  );
  const entry = await core.accepted({ commandId: 1n });
  broken = true;
  core.workers.newest.ends();
  await core.clock.advance(20_000);
  assertEquals(entry.state, "running");
  assertEquals(core.runner.isRunning(entry), true);
  broken = false;
  await core.clock.advance(5_000);
  assertEquals(resultOf(entry).status, SUCCESS);
  assertEquals(core.runner.isRunning(entry), false);
});

Deno.test("progress and news are passed on until the listener leaves", async () => {
  await using core = await MemoryAgent.start();
  const heard: bigint[] = [];
  const stop = core.runner.onNews(({ id }) => heard.push(id));
  const entry = await core.accepted({ commandId: 1n });
  assertEquals(core.runner.progressOf(entry), {
    current: 0,
    total: 1,
    message: "",
  });
  core.workers.newest.sink.progress(2, 3, "half");
  assertEquals(core.runner.progressOf(entry), {
    current: 2,
    total: 3,
    message: "half",
  });
  stop();
  const before = heard.length;
  assert(before > 0);
  core.workers.newest.ends();
  await core.clock.settle();
  assertEquals(heard.length, before);
});

Deno.test("requests of an operation go over the current link", async () => {
  await using core = await MemoryAgent.start();
  core.answer = (type, params) => Promise.resolve(`${type} ${params}`);
  await core.accepted({ commandId: 1n });
  assertEquals(
    await core.workers.newest.sink.request("data.Get", "{}"),
    "data.Get {}",
  );
});

Deno.test("a command without a free worker fails as busy", async () => {
  await using core = await MemoryAgent.start();
  core.workers.free = false;
  const entry = await core.accept({ commandId: 1n });
  await core.clock.settle();
  assert(entry !== undefined && !("status" in entry));
  assertMatch(new TextDecoder().decode(resultOf(entry).data), /BUSY/);
});
