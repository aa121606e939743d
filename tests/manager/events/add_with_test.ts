import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import type { NewEvent } from "../../../lib/store/records.ts";
import { follow } from "../../support/event_follower.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const FULL = new PiriError("DISK", "Cannot write: the disk is full");

const CONNECTED = {
  agent: "web-1",
  message: 'agent "web-1" is connected from 127.0.0.1:1000',
};

/** Kinds of the newest events in the database. */
async function newest(core: MemoryManager, count: number): Promise<string[]> {
  return (await core.eventKinds()).slice(-count);
}

/** Manager whose disk has room again, with an event that waits for it. */
async function withWaitingEvent(): Promise<MemoryManager> {
  const core = await MemoryManager.start();
  core.slow.full = FULL;
  core.events.add("agent_set", "something happened");
  await core.clock.settle();
  core.slow.full = undefined;
  return core;
}

Deno.test("an event that a write records is there once, and its followers hear it with its id", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await using following = follow(core);
  await core.clock.settle();

  await core.admitted("web-1");
  await core.clock.settle();

  const events = (await core.happened())
    .filter(({ kind }) => kind === "agent_connected")
    .map(({ kind, message, at, id }) => [kind, message, at, id]);
  const heard = following.events
    .filter(({ kind }) => kind === "agent_connected")
    .map(({ kind, message, key, id }) => [kind, message, key.at, id]);
  assertEquals(events.length, 1);
  assertEquals(heard, events);
});

Deno.test("an event of a write waits behind others that the disk has not taken", async () => {
  await using core = await withWaitingEvent();
  const given: (NewEvent | undefined)[] = [];

  await core.events.addWith("agent_connected", CONNECTED, (event) => {
    given.push(event);
    return Promise.resolve({ eventId: undefined });
  });
  const before = await core.eventKinds();
  await core.clock.advance(2_000);

  assertEquals(given, [undefined]);
  assertEquals(before.includes("agent_connected"), false);
  const kinds = await core.eventKinds();
  const wanted = ["agent_set", "agent_connected"];
  assertEquals(kinds.filter((kind) => wanted.includes(kind)), wanted);
});

Deno.test("an event of a write that ends once the disk has taken the others is recorded, too", async () => {
  await using core = await withWaitingEvent();
  const written = Promise.withResolvers<{ eventId: undefined }>();

  const adding = core.events.addWith(
    "agent_connected",
    CONNECTED,
    () => written.promise,
  );
  await core.clock.advance(2_000);
  written.resolve({ eventId: undefined });
  await adding;
  await core.clock.settle();

  const wanted = ["agent_set", "agent_connected"];
  const kinds = await core.eventKinds();
  assertEquals(kinds.filter((kind) => wanted.includes(kind)), wanted);
});

Deno.test("a write that fails leaves no event, now or later", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const before = await core.eventKinds();

  await assertRejects(
    () =>
      core.events.addWith(
        "agent_connected",
        CONNECTED,
        () => Promise.reject(FULL),
      ),
    PiriError,
    "the disk is full",
  );
  await core.clock.advance(5_000);

  assertEquals(await newest(core, before.length + 1), before);
});

Deno.test("an agent whose hello cannot be recorded is not told as connected", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  core.slow.failOnce("admitAgent", FULL);

  await (await core.hello("web-1")).hears("bye");
  const refused = await core.eventKinds();
  await core.admitted("web-1");
  await core.clock.settle();

  assertEquals(refused.includes("agent_connected"), false);
  assertEquals(await newest(core, 1), ["agent_connected"]);
});
