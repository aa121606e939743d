import { assert, assertEquals, assertRejects } from "@std/assert";
import type {
  Journal,
  JournalEntry,
} from "../../../lib/agent/journal/journal.ts";
import { LOG_FILE } from "../../../lib/agent/journal/log.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import { Seeded } from "../../support/seeded.ts";
import {
  commandOf,
  openSmall,
  printed,
  readAll,
  resultOf,
  SMALL_LIMITS,
} from "./script.ts";

function accept(
  journal: Journal,
  id: bigint,
  { managerId = "manager", nonce = id * 10n } = {},
): Promise<JournalEntry> {
  return journal.accept({ id, nonce, managerId, command: commandOf(id) });
}

function ids(journal: Journal): bigint[] {
  return journal.entries().map(({ id }) => id);
}

/** Journal that the next agent finds after this one was killed. */
function reopen(
  disk: MemoryDisk,
  options: Parameters<typeof openSmall>[1] = {},
): Promise<Journal> {
  return openSmall(disk.afterCrash("kill"), {
    random: new Seeded(2),
    ...options,
  });
}

Deno.test("a new journal has an instance, no commands, and sessions from 1 on", async () => {
  await using journal = await openSmall(new MemoryDisk());
  assertEquals(journal.instance.length, 32);
  assertEquals(journal.lastCommandId, 0n);
  assertEquals(journal.entries(), []);
  assertEquals(await journal.nextSession(), 1n);
  assertEquals(await journal.nextSession(), 2n);
});

Deno.test("a restarted agent finds each command in its state", async () => {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk);
  await accept(journal, 1n);
  const running = await accept(journal, 2n);
  await running.started();
  await running.started({ pid: 42, startTime: "4711" });
  await running.append("stderr", printed(2n, "stderr", 0, 70));
  const finished = await accept(journal, 3n);
  await finished.append("stdout", printed(3n, "stdout", 0, 50));
  await finished.finish(resultOf(3n));

  await using next = await reopen(disk);
  assertEquals(next.instance, journal.instance);
  assertEquals(next.lastCommandId, 3n);
  assertEquals(
    next.entries().map(({ id, state, command }) => ({ id, state, command })),
    [
      { id: 1n, state: "accepted", command: commandOf(1n) },
      { id: 2n, state: "running", command: commandOf(2n) },
      { id: 3n, state: "finished", command: commandOf(3n) },
    ],
  );
  const [, second, third] = next.entries();
  assertEquals(second?.processes, [{ pid: 42, startTime: "4711" }]);
  assertEquals(second?.produced("stderr"), 70n);
  assertEquals(third?.result, resultOf(3n));
  assertEquals(third?.produced("stdout"), 50n);
});

Deno.test("a command known as never started stays so after a restart of the agent, but not after a reboot", async () => {
  const disk = new MemoryDisk();
  await accept(await openSmall(disk), 1n);
  const sameBoot = await reopen(disk);
  assertEquals(sameBoot.entries()[0]?.state, "accepted");
  const nextBoot = await reopen(disk, { bootId: "next" });
  assertEquals(nextBoot.entries()[0]?.state, "running");
});

Deno.test("a command that may have run stays one that may have run", async () => {
  const disk = new MemoryDisk();
  await accept(await openSmall(disk), 1n);
  const rebooted = disk.afterCrash("kill");
  await openSmall(rebooted, { bootId: "next" });
  await using again = await reopen(rebooted, { bootId: "next" });
  assertEquals(again.entries()[0]?.state, "running");
});

Deno.test("lastCommandId and sessions outlive forgetting and rewriting", async () => {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk);
  for (let id = 1n; id <= 30n; id++) {
    const entry = await accept(journal, id);
    await entry.finish(resultOf(id));
    await journal.nextSession();
    await journal.forget(entry);
  }
  for (let dial = 31; dial <= 200; dial++) await journal.nextSession();
  assert(disk.calls.filter(({ kind }) => kind === "replace").length > 1);
  assert((await disk.size(LOG_FILE)) < 2 * SMALL_LIMITS.compactAt);
  const again = disk.afterCrash("kill");
  await using next = await openSmall(again);
  assertEquals(next.lastCommandId, 30n);
  assertEquals(await next.nextSession(), 201n);
  assertEquals(ids(next), []);
  const entry = await accept(next, 31n);
  await entry.append("stdout", printed(31n, "stdout", 0, 10));
  // The number of a command's files is not reused either.
  assertEquals(await again.list(), ["31.1.0", LOG_FILE, "reserve"]);
});

Deno.test("an id that is not above the highest is refused, even while the highest is being written", async () => {
  await using journal = await openSmall(new MemoryDisk());
  const first = accept(journal, 5n);
  await assertRejects(() => accept(journal, 5n), PiriError, "not above 5");
  await assertRejects(() => accept(journal, 4n), PiriError, "not above 5");
  await first;
  assertEquals(ids(journal), [5n]);
});

Deno.test("ids of a legacy Manager may repeat, and change no other number", async () => {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk);
  const first = await accept(journal, 9n, { managerId: "", nonce: 1n });
  const second = await accept(journal, 9n, { managerId: "", nonce: 2n });
  await first.append("stdout", printed(9n, "stdout", 0, 10));
  assertEquals(journal.lastCommandId, 0n);
  await using next = await reopen(disk);
  assertEquals(next.lastCommandId, 0n);
  assertEquals(next.find("", 9n, 1n)?.produced("stdout"), 10n);
  assertEquals(next.find("", 9n)?.nonce, second.nonce);
});

Deno.test("a command is found by its Manager and id, and with a nonce only if it is that one", async () => {
  await using journal = await openSmall(new MemoryDisk());
  const entry = await accept(journal, 7n);
  assertEquals(journal.find("manager", 7n), entry);
  assertEquals(journal.find("manager", 7n, 70n), entry);
  assertEquals(journal.find("manager", 7n, 71n), undefined);
  assertEquals(journal.find("another", 7n), undefined);
});

Deno.test("more commands than may be open are refused until one is forgotten", async () => {
  await using journal = await openSmall(new MemoryDisk(), {
    limits: { ...SMALL_LIMITS, openCommands: 2 },
  });
  const [first] = await Promise.all([accept(journal, 1n), accept(journal, 2n)]);
  const error = await assertRejects(() => accept(journal, 3n), PiriError);
  assertEquals(error.code, "BUSY");
  await journal.forget(first);
  await accept(journal, 4n);
  assertEquals(ids(journal), [2n, 4n]);
});

Deno.test("commands that come together share a sync", async () => {
  const disk = new MemoryDisk();
  await using journal = await openSmall(disk);
  const before = disk.calls.length;
  await Promise.all([1n, 2n, 3n, 4n, 5n].map((id) => accept(journal, id)));
  const syncs = disk.calls.slice(before).filter(({ kind }) => kind === "sync");
  assert(syncs.length <= 2, `${syncs.length} syncs`);
});

Deno.test("a sync that fails costs nothing: the log is rewritten", async () => {
  let failures = 0;
  const disk = new MemoryDisk({
    fault: ({ kind }) =>
      kind === "sync" && failures-- > 0 ? "error" : undefined,
  });
  const journal = await openSmall(disk);
  const entry = await accept(journal, 1n);
  failures = 1;
  await Promise.all([entry.started(), accept(journal, 2n)]);
  const [first, second] = journal.entries();
  assertEquals([first?.state, second?.state], ["running", "accepted"]);
  await using next = await openSmall(disk.afterCrash("power"));
  assertEquals(next.entries().map(({ state }) => state), [
    "running",
    "accepted",
  ]);
});

Deno.test("a forgotten command leaves no files and ignores later calls", async () => {
  const disk = new MemoryDisk();
  await using journal = await openSmall(disk);
  const entry = await accept(journal, 1n);
  await entry.append("stdout", printed(1n, "stdout", 0, 500));
  await journal.forget(entry);
  await entry.append("stdout", printed(1n, "stdout", 500, 600));
  await entry.finish(resultOf(1n));
  assertEquals(await disk.list(), [LOG_FILE, "reserve"]);
  assertEquals(ids(journal), []);
});

Deno.test("output and a second result after the result are TypeErrors", async () => {
  await using journal = await openSmall(new MemoryDisk());
  const entry = await accept(journal, 1n);
  await entry.finish(resultOf(1n));
  await assertRejects(
    () => entry.append("stdout", new Uint8Array(1)),
    TypeError,
  );
  await assertRejects(() => entry.finish(resultOf(1n)), TypeError);
});

Deno.test("a journal of another machine is a new instance that keeps finished commands only", async () => {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk);
  await accept(journal, 1n);
  const running = await accept(journal, 2n);
  await running.started();
  const finished = await accept(journal, 3n);
  await finished.append("stdout", printed(3n, "stdout", 0, 30));
  await finished.finish(resultOf(3n));
  await journal.nextSession();

  await using clone = await reopen(disk, { machineId: "clone" });
  assert(clone.instance !== journal.instance);
  assertEquals(ids(clone), [3n]);
  assertEquals(clone.entries()[0]?.result, resultOf(3n));
  assertEquals(clone.lastCommandId, 3n);
  assertEquals(await clone.nextSession(), 2n);
});

Deno.test("a new instance stays the new one", async () => {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk);
  const before = journal.instance;
  await journal.newInstance();
  assert(journal.instance !== before);
  await using next = await reopen(disk);
  assertEquals(next.instance, journal.instance);
});

Deno.test("a closed journal stores nothing more", async () => {
  const journal = await openSmall(new MemoryDisk());
  await journal[Symbol.asyncDispose]();
  const error = await assertRejects(() => journal.nextSession(), PiriError);
  assertEquals(error.code, "FAILED_PRECONDITION");
});

Deno.test("a command finished long ago keeps the core of its result, and its output is cut", async () => {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk, {
    shrinkResult: (result) => result.slice(0, 5),
  });
  const entry = await accept(journal, 1n);
  await entry.append("stdout", printed(1n, "stdout", 0, 500));
  await entry.finish(resultOf(1n));
  const running = await accept(journal, 2n);
  await running.append("stdout", printed(2n, "stdout", 0, 100));
  const limits = { maxAgeMs: 1_000, maxBytes: 1e9 };
  assertEquals(await journal.expire({ now: 5_000, ...limits }), 0);
  assertEquals(await journal.expire({ now: 6_000, ...limits }), 0);
  assert(await journal.expire({ now: 6_001, ...limits }) > 500);

  await using next = await reopen(disk);
  const [expired, other] = next.entries();
  assert(expired !== undefined && other !== undefined);
  assertEquals(expired.state, "finished");
  assertEquals(expired.nonce, 10n);
  assertEquals(expired.result, resultOf(1n).slice(0, 5));
  assertEquals(await readAll(expired, "stdout"), { cut: 500n, bytes: 0 });
  assertEquals(await readAll(other, "stdout"), { cut: 0n, bytes: 100 });
});

Deno.test("a finished command keeps its age over a restart, and no clock jump by years makes it old", async () => {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk);
  const entry = await accept(journal, 1n);
  await entry.append("stdout", printed(1n, "stdout", 0, 500));
  await entry.finish(resultOf(1n));
  const limits = { maxAgeMs: 1_000, maxBytes: 1e9 };
  await journal.expire({ now: 0, ...limits });
  await journal.expire({ now: 1_000_000_000, ...limits });
  await using next = await reopen(disk);
  assertEquals(await next.expire({ now: 1_000_000_900, ...limits }), 0);
  assert(await next.expire({ now: 1_000_001_100, ...limits }) > 0);
});

Deno.test("a journal above its size cuts the output of its oldest finished commands first", async () => {
  await using journal = await openSmall(new MemoryDisk());
  for (let id = 1n; id <= 4n; id++) {
    const entry = await accept(journal, id);
    await entry.append("stdout", printed(id, "stdout", 0, 900));
    await (id > 1n ? entry.finish(resultOf(id)) : entry.started());
  }
  await journal.expire({ now: 0, maxAgeMs: 1e9, maxBytes: 2_600 });
  const kept = [];
  for (const entry of journal.entries()) {
    kept.push((await readAll(entry, "stdout")).bytes);
  }
  assertEquals(kept, [900, 0, 0, 900]);
});
