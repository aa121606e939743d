import { assert, assertEquals, assertRejects } from "@std/assert";
import { frame } from "../../../lib/agent/journal/frame.ts";
import { LOG_FILE } from "../../../lib/agent/journal/log.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import { Seeded } from "../../support/seeded.ts";
import { commandOf, openSmall, printed, readAll, resultOf } from "./script.ts";

/** Disk with three finished commands and one accepted command. */
async function usedDisk(): Promise<{ disk: MemoryDisk; instance: string }> {
  const disk = new MemoryDisk();
  const journal = await openSmall(disk, {
    limits: { compactAt: 1e6, reserve: 0 },
  });
  for (let id = 1n; id <= 4n; id++) {
    const entry = await journal.accept({
      id,
      nonce: id * 10n,
      managerId: "manager",
      command: commandOf(id),
    });
    if (id === 4n) break;
    await entry.started();
    await entry.append("stdout", printed(id, "stdout", 0, 100));
    await entry.finish(resultOf(id));
  }
  return { disk, instance: journal.instance };
}

Deno.test("a damaged byte anywhere in the log costs one record and makes a new instance", async () => {
  const { disk, instance } = await usedDisk();
  const good = disk.content(LOG_FILE);
  for (let at = 0; at < good.length; at++) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 0x41;
    const copy = disk.copy();
    copy.put(LOG_FILE, bad);
    const journal = await openSmall(copy, { random: new Seeded(2) });
    const finished = journal.entries().filter(({ state }) =>
      state === "finished"
    );
    assert(finished.length >= 2, `${finished.length} results at ${at}`);
    for (const entry of finished) {
      assertEquals(entry.result, resultOf(entry.id));
      assertEquals(await readAll(entry, "stdout"), { cut: 0n, bytes: 100 });
    }
    for (const { state } of journal.entries()) assert(state !== "accepted");
    assert(journal.lastCommandId >= 3n, `${journal.lastCommandId} at ${at}`);
    // A greater length of the last record cannot be told from a write that was torn.
    const looksTorn = at >= good.length - recordOfLast() && at < good.length -
          recordOfLast() + 4;
    assert(looksTorn || journal.instance !== instance, `same instance: ${at}`);
    const mended = await openSmall(copy.afterCrash("power"));
    assertEquals(mended.instance, journal.instance);
  }
});

/** Size in the file of the last record, which accepted command 4. */
function recordOfLast(): number {
  return 8 + 1 + 6 + 8 + 8 + 4 + "manager".length + 4 + commandOf(4n).length;
}

Deno.test("a log that is torn anywhere in its last record is the same instance without that record", async () => {
  const { disk, instance } = await usedDisk();
  const good = disk.content(LOG_FILE);
  for (let cut = 1; cut <= recordOfLast(); cut++) {
    const copy = disk.copy();
    copy.put(LOG_FILE, good.subarray(0, good.length - cut));
    const journal = await openSmall(copy);
    assertEquals(journal.instance, instance);
    assertEquals(journal.lastCommandId, 3n);
    assertEquals(await journal.nextSession(), 1n);
    const next = await openSmall(copy.afterCrash("power"));
    assertEquals(next.instance, instance);
    assertEquals(await next.nextSession(), 2n);
  }
});

Deno.test("a log whose last blocks are zeros is the same instance", async () => {
  const { disk, instance } = await usedDisk();
  const good = disk.content(LOG_FILE);
  const longer = new Uint8Array(good.length + 700);
  longer.set(good);
  disk.put(LOG_FILE, longer);
  await using journal = await openSmall(disk.copy());
  assertEquals(journal.instance, instance);
  assertEquals(journal.entries().length, 4);
});

Deno.test("a log of noise becomes a new journal that works", async () => {
  const disk = new MemoryDisk();
  disk.put(LOG_FILE, new Seeded(3).bytes(5_000));
  await using journal = await openSmall(disk);
  assertEquals(journal.entries(), []);
  assertEquals(await journal.nextSession(), 1n);
});

Deno.test("a result without its command's record is still delivered", async () => {
  const { disk } = await usedDisk();
  const log = disk.content(LOG_FILE);
  const at = indexOf(log, commandOf(2n));
  log[at] = 99;
  disk.put(LOG_FILE, log);
  await using journal = await openSmall(disk.copy());
  const entry = journal.find("manager", 2n, 20n);
  assertEquals(entry?.result, resultOf(2n));
  assertEquals(entry?.command.length, 0);
});

Deno.test("a part of the log that cannot be read is damage, and the journal continues", async () => {
  const { disk, instance } = await usedDisk();
  const broken = disk.copy({
    fault: ({ kind, name }) =>
      kind === "read" && name === LOG_FILE ? "error" : undefined,
  });
  await using journal = await openSmall(broken, { random: new Seeded(2) });
  assert(journal.instance !== instance);
  assertEquals(await journal.nextSession(), 1n);
});

Deno.test("the journal of a newer build is left alone", async () => {
  const disk = new MemoryDisk();
  const header = frame([new Uint8Array([1, 255, 255, 1, 2, 3])]);
  disk.put(LOG_FILE, header);
  const error = await assertRejects(() => openSmall(disk), PiriError);
  assertEquals(error.code, "CORRUPT");
  assertEquals(disk.content(LOG_FILE), header);
});

Deno.test("output of no command is removed, and its number is not used again", async () => {
  const disk = new MemoryDisk();
  disk.put("7.1.0", frame([printed(1n, "stdout", 0, 10)]));
  await using journal = await openSmall(disk);
  assertEquals(await disk.list(), [LOG_FILE, "reserve"]);
  const entry = await journal.accept({
    id: 1n,
    nonce: 1n,
    managerId: "manager",
    command: commandOf(1n),
  });
  await entry.append("stdout", printed(1n, "stdout", 0, 10));
  assertEquals(await disk.list(), ["8.1.0", LOG_FILE, "reserve"]);
});

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= bytes.length; at++) {
    if (part.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  throw new Error("the part is not in the bytes");
}
