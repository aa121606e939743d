import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  MAX_KEPT,
  UnrecordedEvents,
} from "../../lib/manager/events/unrecorded_events.ts";
import {
  Bye_Code,
  OutputStream,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { follow } from "../support/event_follower.ts";
import { MemoryManager, type Watcher } from "../support/memory_manager.ts";
import type { ScriptedPeer } from "../support/scripted_peer.ts";

const FULL = new PiriError(
  "DISK",
  'Cannot commit 2 writes: Cannot use the database "/m/manager.db": database or disk is full',
);

const REASON = "database or disk is full";

/** Manager with an agent that runs a command. */
async function running(): Promise<
  { core: MemoryManager; agent: ScriptedPeer; id: bigint } & AsyncDisposable
> {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const stop = () => core[Symbol.asyncDispose]();
  return { core, agent, id, [Symbol.asyncDispose]: stop };
}

/** Prints some output as the agent. */
async function prints(
  { core, agent, id }: { core: MemoryManager; agent: ScriptedPeer; id: bigint },
): Promise<void> {
  await agent.says("commandOutput", {
    commandId: id,
    stream: OutputStream.STDOUT,
    offset: 0n,
    bytes: new Uint8Array(10),
  });
  await core.clock.settle();
}

/** Reads events up to one that begins with these words. Returns the rest of it. */
async function upTo(watcher: Watcher, words: string): Promise<string> {
  let event = await watcher.next();
  while (event !== undefined && !event.startsWith(words)) {
    event = await watcher.next();
  }
  return (event ?? "the end").slice(words.length + 2);
}

Deno.test("a write that the disk does not take is a failure with its time and reason", async () => {
  await using parts = await running();
  const { core, agent } = parts;
  assertEquals(core.storage.failure, undefined);
  core.slow.full = FULL;
  await prints(parts);
  assertEquals((await agent.hears("bye")).code, Bye_Code.BUSY);
  const since = core.clock.now();
  assertEquals(core.storage.failure, { since, lastAt: since, reason: REASON });
  await core.clock.advance(60_000);
  await assertRejects(() => core.agents.renewToken("web-1"), PiriError, "full");
  assertEquals(core.storage.failure, {
    since,
    lastAt: core.clock.now(),
    reason: REASON,
  });
});

Deno.test("a request that the database refuses for another reason is no failure to write", async () => {
  await using core = await MemoryManager.start();
  await assertRejects(() => core.agents.renewToken("web-9"), PiriError);
  assertEquals(core.storage.failure, undefined);
});

Deno.test("a Manager without agents finds by itself that it can write again", async () => {
  await using parts = await running();
  const { core } = parts;
  core.slow.full = FULL;
  await prints(parts);
  await core.clock.advance(3_600_000);
  assertEquals(core.storage.failure?.reason, REASON);
  core.slow.full = undefined;
  await core.clock.advance(20_000);
  assertEquals(core.storage.failure, undefined);
});

Deno.test("small writes that succeed between failures do not end the failure", async () => {
  await using parts = await running();
  const { core } = parts;
  core.slow.full = FULL;
  await prints(parts);
  const { since } = core.storage.failure ?? {};
  for (let time = 0; time < 60_000; time += 5_000) {
    core.slow.full = undefined;
    await core.agents.renewToken("web-1");
    core.slow.failOnce("setToken", FULL);
    await assertRejects(() => core.agents.renewToken("web-1"), PiriError);
    await core.clock.advance(5_000);
  }
  assertEquals(core.storage.failure?.since, since);
  const kinds = await core.eventKinds();
  assertEquals(kinds.filter((kind) => kind === "storage_failed").length, 1);
});

Deno.test("events of a full disk are recorded later, in order and with their own times", async () => {
  await using parts = await running();
  const { core, agent } = parts;
  const begin = core.clock.now();
  core.slow.full = FULL;
  await prints(parts);
  agent.hangUp();
  await core.ends[0];
  await core.clock.advance(5_000);
  core.events.add("agent_set", "something happened");
  await core.clock.advance(55_000);
  assertEquals((await core.eventKinds()).at(-1), "run");
  core.slow.full = undefined;
  await core.clock.advance(2_000);
  core.events.add("agent_token", "something else happened");
  await core.clock.advance(20_000);
  const events = (await core.happened()).slice(-5);
  assertEquals(
    events.map(({ kind, at }) => [kind, (at - begin) / 1_000]),
    [
      ["storage_failed", 0],
      ["agent_disconnected", 0],
      ["agent_set", 5],
      ["agent_token", 62],
      ["storage_recovered", 70],
    ],
  );
  assertEquals(
    [events[0]?.message, events[4]?.message],
    [
      `the Manager cannot write its database: ${REASON}`,
      `the Manager can write its database again; it could not since 2026-01-01T00:00:00.000Z: ${REASON}`,
    ],
  );
});

Deno.test("a follower of events gets those of a full disk once it can be written", async () => {
  await using parts = await running();
  const { core } = parts;
  await core.clock.settle();
  await using following = follow(core);
  await core.clock.settle();
  core.slow.full = FULL;
  await prints(parts);
  await core.clock.advance(10_000);
  assertEquals(following.events, []);
  core.slow.full = undefined;
  await core.clock.advance(2_000);
  assertEquals(following.events[0]?.kind, "storage_failed");
});

Deno.test("the first and the latest of too many events that wait for the disk are kept", () => {
  const events = new UnrecordedEvents();
  const count = 2 * MAX_KEPT + 7;
  for (let at = 0; at < count; at++) {
    events.add({ at, kind: "k", agent: null, commandId: null, message: "" });
  }
  const seen: [kind: string, at: number, message: string][] = [];
  while (!events.isEmpty) {
    const { kind, at, message } = events.oldest ?? {};
    seen.push([kind ?? "", at ?? NaN, message ?? ""]);
    events.recorded();
  }
  assertEquals(seen.length, 2 * MAX_KEPT + 1);
  assertEquals(seen[MAX_KEPT], [
    "events_dropped",
    MAX_KEPT + 7,
    "7 events before this one could not be recorded, and were too many to keep",
  ]);
  assertEquals([seen[0]?.[1], seen.at(-1)?.[1]], [0, count - 1]);
});

Deno.test("watchers are told that the Manager cannot write, and that it can again", async () => {
  await using parts = await running();
  const { core, id } = parts;
  const watcher = core.watch(id);
  assertEquals(await watcher.next(), "sent");
  core.slow.full = FULL;
  await prints(parts);
  assertEquals(await upTo(watcher, "storage fails"), REASON);
  const late = core.watch(id);
  assertEquals(await late.next(), `storage fails: ${REASON}`);
  core.slow.full = undefined;
  await core.clock.advance(20_000);
  assertEquals(await upTo(watcher, "storage works"), "");
  watcher.stop();
  late.stop();
});

Deno.test("watchers are told that an agent is away, even if that cannot be recorded", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  const watching = core.commands.watch(
    [{ id, stdoutOffset: 0n, stderrOffset: 0n }],
    new AbortController().signal,
  )[Symbol.asyncIterator]();
  await watching.next();
  core.slow.full = FULL;
  agent.hangUp();
  await core.ends[0];
  let unreachableSince: number | null | undefined;
  for await (const event of { [Symbol.asyncIterator]: () => watching }) {
    unreachableSince = event.kind === "command"
      ? event.command.unreachableSince
      : unreachableSince;
    if (event.kind === "command") break;
  }
  assertEquals(unreachableSince, core.clock.now());
});

Deno.test("an agent that left while the disk was full is listed with the time of its end", async () => {
  await using parts = await running();
  const { core, agent } = parts;
  await core.clock.advance(5_000);
  core.slow.full = FULL;
  agent.hangUp();
  await core.ends[0];
  const left = core.clock.now();
  await core.clock.advance(5_000);
  const [view] = await core.agents.list();
  assertEquals([view?.connected, view?.since], [false, left]);
});

Deno.test("agents that were sent away are asked back soon, and their output is complete once there is room", async () => {
  await using parts = await running();
  const { core, agent, id } = parts;
  core.slow.full = FULL;
  await prints(parts);
  assertEquals((await agent.hears("bye")).retryAfterMs, 2_500);
  agent.hangUp();
  await core.ends[0];
  const again = await core.hello("web-1", {
    commands: [{ commandId: id, nonce: (await core.commands.get(id)).nonce }],
  });
  assertEquals((await again.hears("bye")).retryAfterMs, 2_500);
  core.slow.full = undefined;
  const back = await core.admitted("web-1", {
    commands: [{ commandId: id, nonce: (await core.commands.get(id)).nonce }],
  });
  await prints({ ...parts, agent: back });
  await core.clock.advance(100);
  assertEquals((await core.commands.get(id)).stdoutHeld, 10n);
});
