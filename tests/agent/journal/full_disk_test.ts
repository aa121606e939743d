import { assert, assertEquals, assertRejects } from "@std/assert";
import type {
  Journal,
  JournalEntry,
} from "../../../lib/agent/journal/journal.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import {
  commandOf,
  openSmall,
  printed,
  readAll,
  resultOf,
  SMALL_LIMITS,
} from "./script.ts";

const NO_RESERVE = { ...SMALL_LIMITS, reserve: 0 };

/** Journal on a disk that is then filled except for `free` bytes. */
async function fullJournal(
  { commands = 0n, free = 0, ...options }:
    & { commands?: bigint; free?: number }
    & Parameters<typeof openSmall>[1] = {},
): Promise<{ journal: Journal; disk: MemoryDisk }> {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk, options);
  for (let id = 1n; id <= commands; id++) {
    const entry = await accept(journal, id);
    await entry.append("stdout", printed(id, "stdout", 0, 300));
  }
  disk.capacity = disk.used + free;
  return { journal, disk };
}

function accept(
  journal: Journal,
  id: bigint,
  command: Uint8Array = commandOf(id),
): Promise<JournalEntry> {
  return journal.accept({ id, nonce: id, managerId: "manager", command });
}

function entryOf(journal: Journal, id: bigint): JournalEntry {
  const entry = journal.find("manager", id);
  assert(entry !== undefined, `command ${id} is lost`);
  return entry;
}

Deno.test("a full disk can be repaired by a command, with its output and its result", async () => {
  const { journal, disk } = await fullJournal();
  const entry = await accept(journal, 1n);
  await entry.started({ pid: 1, startTime: "1" });
  await entry.append("stdout", printed(1n, "stdout", 0, 120));
  await entry.finish(resultOf(1n));
  await using next = await openSmall(disk.afterCrash("power"));
  assertEquals(entryOf(next, 1n).result, resultOf(1n));
  assertEquals(
    await readAll(entryOf(next, 1n), "stdout"),
    { cut: 0n, bytes: 120 },
  );
});

Deno.test("the reserve is filled up again when the disk has space", async () => {
  const { journal, disk } = await fullJournal();
  const entry = await accept(journal, 1n);
  assert(disk.content("reserve").length < SMALL_LIMITS.reserve);
  disk.capacity += 1_000_000;
  await journal.forget(entry);
  assertEquals(disk.content("reserve").length, SMALL_LIMITS.reserve);
});

Deno.test("a long command is refused on a full disk, and leaves no trace but its id", async () => {
  const { journal, disk } = await fullJournal();
  const long = new Uint8Array(SMALL_LIMITS.reserveRecord + 1);
  const error = await assertRejects(() => accept(journal, 1n, long), PiriError);
  assertEquals(error.code, "DISK");
  assertEquals(journal.entries(), []);
  assertEquals(journal.lastCommandId, 1n);
  await using next = await openSmall(disk.afterCrash("kill"));
  assertEquals(next.entries(), []);
  assertEquals(next.instance, journal.instance);
});

Deno.test("commands may use half of the reserve, and each stored one can store its result", async () => {
  const { journal, disk } = await fullJournal({
    limits: { ...SMALL_LIMITS, openCommands: 1_000 },
  });
  let id = 1n;
  const refused = await assertRejects(async () => {
    for (;; id++) await accept(journal, id);
  }, PiriError);
  assertEquals(refused.code, "DISK");
  assert(id > 10n, `${id} were kept`);
  assert(disk.content("reserve").length >= SMALL_LIMITS.reserve / 2);
  for (const entry of journal.entries()) {
    await entry.finish(new Uint8Array(3));
  }
  await using next = await openSmall(disk.afterCrash("power"), {
    limits: { ...SMALL_LIMITS, openCommands: 1_000 },
  });
  assertEquals(next.entries().map(({ state }) => state), [
    ...Array(Number(id - 1n)).fill("finished"),
  ]);
});

Deno.test("a chatty command on a full disk takes its share of the reserve, and the rest is a cut", async () => {
  const { journal, disk } = await fullJournal();
  const entry = await accept(journal, 1n);
  for (let at = 0; at < 9_000; at += 90) {
    await entry.append("stdout", printed(1n, "stdout", at, at + 90));
  }
  assert(disk.content("reserve").length >= SMALL_LIMITS.reserve / 2);
  await entry.finish(resultOf(1n));
  const { cut, bytes } = await readAll(entry, "stdout");
  assertEquals(cut + BigInt(bytes), 9_000n);
  assert(bytes >= 90, `${bytes} bytes are kept`);
});

Deno.test("a result is stored and its output cut if there is no space for both", async () => {
  const { journal, disk } = await fullJournal({
    commands: 2n,
    limits: NO_RESERVE,
  });
  await entryOf(journal, 1n).finish(resultOf(1n));
  await using next = await openSmall(disk.afterCrash("power"), {
    limits: NO_RESERVE,
    bootId: "next",
  });
  assertEquals(entryOf(next, 1n).result, resultOf(1n));
  assertEquals(
    await readAll(entryOf(next, 1n), "stdout"),
    { cut: 300n, bytes: 0 },
  );
});

Deno.test("a result is shrunk to how the command ended if there is no space for all of it", async () => {
  const { journal } = await fullJournal({
    free: 400,
    limits: NO_RESERVE,
    shrinkResult: (result) => result.slice(0, 5),
  });
  const entry = await accept(journal, 1n);
  await entry.finish(new Uint8Array(300).fill(7));
  assertEquals(entry.result, new Uint8Array(5).fill(7));
});

Deno.test("a result that cannot be stored at all may be tried again", async () => {
  const { journal, disk } = await fullJournal({
    free: 200,
    limits: NO_RESERVE,
  });
  const entry = await accept(journal, 1n);
  const result = new Uint8Array(300).fill(7);
  const error = await assertRejects(() => entry.finish(result), PiriError);
  assertEquals(error.code, "DISK");
  assertEquals(entry.state, "accepted");
  disk.capacity += 1_000;
  await entry.finish(result);
  await using next = await openSmall(disk.afterCrash("power"), {
    limits: NO_RESERVE,
  });
  assertEquals(entryOf(next, 1n).result, result);
  assertEquals(next.instance, journal.instance);
});

Deno.test("an agent starts on a full disk, dials and takes a command", async () => {
  const { journal, disk } = await fullJournal({ commands: 1n });
  assertEquals(await journal.nextSession(), 1n);
  const full = disk.afterCrash("kill");
  full.capacity = full.used;
  await using next = await openSmall(full, { bootId: "next" });
  assertEquals(await next.nextSession(), 2n);
  await accept(next, 2n);
  assertEquals(next.entries().map(({ state }) => state), [
    "running",
    "accepted",
  ]);
});

Deno.test("a disk that becomes full and free again at any size never loses a result", async () => {
  for (let free = 0; free < 1_500; free += 50) {
    const { journal, disk } = await fullJournal({ commands: 3n, free });
    for (let id = 1n; id <= 3n; id++) {
      const entry = entryOf(journal, id);
      await entry.started();
      await entry.append("stdout", printed(id, "stdout", 300, 600));
      await entry.finish(resultOf(id));
    }
    disk.capacity = Infinity;
    await accept(journal, 4n);
    await using next = await openSmall(disk.afterCrash("power"));
    for (let id = 1n; id <= 3n; id++) {
      const entry = entryOf(next, id);
      assertEquals(entry.result, resultOf(id));
      const { cut, bytes } = await readAll(entry, "stdout");
      assertEquals(cut + BigInt(bytes), 600n);
    }
    assertEquals(next.lastCommandId, 4n);
  }
});
