import { assert, assertEquals } from "@std/assert";
import type { JournalEntry } from "../../../lib/agent/journal/journal.ts";
import {
  MemoryDisk,
  type MemoryDiskOptions,
} from "../../support/memory_disk.ts";
import {
  commandOf,
  openSmall,
  printed,
  readAll,
  resultOf,
  SMALL_LIMITS,
} from "./script.ts";

/** Command with a disk of its own. */
async function startEntry(
  options: MemoryDiskOptions = {},
): Promise<{ entry: JournalEntry; disk: MemoryDisk }> {
  const disk = new MemoryDisk(options);
  const journal = await openSmall(disk);
  const entry = await journal.accept({
    id: 1n,
    nonce: 1n,
    managerId: "manager",
    command: commandOf(1n),
  });
  return { entry, disk };
}

/** Prints `count` bytes in pieces. */
async function print(
  entry: JournalEntry,
  count: number,
  piece = count,
): Promise<void> {
  for (let left = count; left > 0; left -= piece) {
    const from = Number(entry.produced("stdout"));
    const to = from + Math.min(piece, left);
    await entry.append("stdout", printed(1n, "stdout", from, to));
  }
}

async function outputFiles(disk: MemoryDisk): Promise<string[]> {
  return (await disk.list()).filter((name) => name.startsWith("1."));
}

/** The command as another agent finds it on a copy of the disk. */
async function reopened(disk: MemoryDisk): Promise<JournalEntry> {
  const journal = await openSmall(disk.copy());
  const entry = journal.find("manager", 1n);
  assert(entry !== undefined);
  return entry;
}

Deno.test("output is read from any offset with any limit, before and after a restart", async () => {
  const { entry, disk } = await startEntry();
  await print(entry, 430, 37);
  for (const source of [entry, await reopened(disk)]) {
    for (const limit of [1, 7, 37, 38, 1_000]) {
      for (let from = 0n; from <= 430n; from += limit === 1 ? 43n : 1n) {
        const bytes = Number(430n - from);
        assertEquals(
          await readAll(source, "stdout", { from, limit }),
          { cut: 0n, bytes },
        );
      }
    }
    assertEquals(await source.read("stdout", 430n, 10), undefined);
    assertEquals(await source.read("stdout", 999n, 10), undefined);
    assertEquals(await source.read("stderr", 0n, 10), undefined);
  }
});

Deno.test("a piece that is longer than a record is read back whole", async () => {
  const { entry } = await startEntry();
  await print(entry, 150_000);
  assertEquals(
    await readAll(entry, "stdout", { limit: 65_536 }),
    { cut: 0n, bytes: 150_000 },
  );
});

Deno.test("both streams are kept apart", async () => {
  const { entry, disk } = await startEntry();
  await entry.append("stdout", printed(1n, "stdout", 0, 90));
  await entry.append("stderr", printed(1n, "stderr", 0, 60));
  for (const source of [entry, await reopened(disk)]) {
    assertEquals(await readAll(source, "stdout"), { cut: 0n, bytes: 90 });
    assertEquals(await readAll(source, "stderr"), { cut: 0n, bytes: 60 });
  }
});

Deno.test("output that nobody takes is cut in its middle: a window at the head stays, and the newest", async () => {
  const { entry, disk } = await startEntry();
  await print(entry, 5_000, 50);
  const piece = await entry.read("stdout", 0n, 10_000);
  assertEquals(piece?.cut, 0n);
  for (const source of [entry, await reopened(disk)]) {
    const { cut, bytes } = await readAll(source, "stdout");
    assertEquals(cut + BigInt(bytes), 5_000n);
    assert(bytes <= SMALL_LIMITS.offlineOutput, `${bytes} bytes are kept`);
    const head = await readTo(source, BigInt(SMALL_LIMITS.window));
    assertEquals(head, 0n);
    const last = await source.read("stdout", 4_999n, 10);
    assertEquals(last?.cut, 0n);
  }
});

/** Count of bytes that are cut below an offset. */
async function readTo(entry: JournalEntry, end: bigint): Promise<bigint> {
  let cut = 0n;
  for (let next = 0n; next < end;) {
    const piece = await entry.read("stdout", next, 50);
    assert(piece !== undefined);
    cut += piece.cut;
    next = piece.offset + BigInt(piece.bytes.length);
  }
  return cut;
}

Deno.test("acknowledged output leaves the disk, so that a chatty command takes little space", async () => {
  const { entry, disk } = await startEntry();
  let most = 0;
  for (let round = 1n; round <= 100n; round++) {
    await print(entry, 100, 25);
    const end = entry.produced("stdout");
    await entry.acknowledge({ stdout: end - 30n, stderr: 0n });
    most = Math.max(most, (await outputFiles(disk)).length);
    assertEquals(
      await readAll(entry, "stdout", { from: end - 30n }),
      { cut: 0n, bytes: 30 },
    );
  }
  assert(most <= 3, `${most} files`);
  await entry.acknowledge({ stdout: 10_000n, stderr: 0n });
  assertEquals(entry.acknowledged("stdout"), 10_000n);
  const again = await reopened(disk);
  assertEquals(again.produced("stdout"), 10_000n);
});

Deno.test("acknowledgements only grow, and never exceed the output", async () => {
  const { entry } = await startEntry();
  await print(entry, 100);
  await entry.acknowledge({ stdout: 60n, stderr: 0n });
  await entry.acknowledge({ stdout: 40n, stderr: 0n });
  assertEquals(entry.acknowledged("stdout"), 60n);
  await entry.acknowledge({ stdout: 5_000n, stderr: 9n });
  assertEquals(entry.acknowledged("stdout"), 100n);
  assertEquals(entry.produced("stdout"), 100n);
  assertEquals(entry.produced("stderr"), 0n);
});

Deno.test("a Manager that holds more than the disk after a power cut is believed", async () => {
  const { entry, disk } = await startEntry();
  await print(entry, 100);
  disk.put("1.1.0", new Uint8Array(0));
  const again = await reopened(disk);
  assertEquals(again.produced("stdout"), 0n);
  await again.acknowledge({ stdout: 80n, stderr: 0n });
  assertEquals(again.produced("stdout"), 80n);
  await again.append("stdout", printed(1n, "stdout", 80, 90));
  assertEquals(
    await readAll(again, "stdout", { from: 80n }),
    { cut: 0n, bytes: 10 },
  );
});

Deno.test("output that is torn at its end continues where the whole records end", async () => {
  const { entry, disk } = await startEntry();
  await print(entry, 100, 50);
  const whole = disk.content("1.1.0");
  for (let size = 0; size < whole.length; size++) {
    disk.put("1.1.0", whole.subarray(0, size));
    const again = await reopened(disk);
    const kept = Number(again.produced("stdout"));
    assertEquals(kept, size < 58 ? 0 : 50);
    await again.append("stdout", printed(1n, "stdout", kept, kept + 20));
    assertEquals(
      await readAll(again, "stdout"),
      { cut: 0n, bytes: kept + 20 },
    );
  }
});

Deno.test("a damaged byte of output costs bytes, as a cut, and never gives wrong ones", async () => {
  const { entry, disk } = await startEntry();
  await print(entry, 450, 30);
  await entry.finish(resultOf(1n));
  const name = "1.1.180";
  const good = disk.content(name);
  assertEquals(good.length, 6 * 38);
  for (let at = 0; at < good.length; at++) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 0x10;
    disk.put(name, bad);
    const again = await reopened(disk);
    const { cut, bytes } = await readAll(again, "stdout");
    assertEquals(cut + BigInt(bytes), 450n);
    assert(cut > 0n && cut <= 180n, `${cut} bytes are cut at ${at}`);
  }
});

Deno.test("output that the disk does not take is cut to the byte, and later output is stored", async () => {
  for (const fraction of [0, 0.5, 0.99]) {
    let broken = false;
    const { entry, disk } = await startEntry({
      fault: ({ kind }) => broken && kind === "append" ? "error" : undefined,
      fraction: () => fraction,
    });
    // More than a command gets of the reserve.
    await print(entry, 60);
    broken = true;
    await print(entry, 700, 350);
    broken = false;
    await print(entry, 45, 15);
    await entry.finish(resultOf(1n));
    for (const source of [entry, await reopened(disk)]) {
      assertEquals(
        await readAll(source, "stdout"),
        { cut: 700n, bytes: 105 },
      );
    }
  }
});

Deno.test("output that is cut at its end reads as a piece without bytes", async () => {
  let broken = false;
  const { entry, disk } = await startEntry({
    fault: ({ kind, name }) =>
      broken && kind === "append" && name.startsWith("1.")
        ? "error"
        : undefined,
  });
  await print(entry, 60);
  broken = true;
  await print(entry, 40);
  await entry.finish(resultOf(1n));
  for (const source of [entry, await reopened(disk)]) {
    const piece = await source.read("stdout", 60n, 10);
    assertEquals(piece, { offset: 100n, bytes: new Uint8Array(0), cut: 40n });
  }
});

Deno.test("output that cannot be read is tried once more, and then cut", async () => {
  let failures = 1;
  const { entry } = await startEntry({
    fault: ({ kind }) =>
      kind === "read" && failures-- > 0 ? "error" : undefined,
  });
  await print(entry, 100);
  assertEquals(await readAll(entry, "stdout"), { cut: 0n, bytes: 100 });
  failures = 2;
  assertEquals(await readAll(entry, "stdout"), { cut: 100n, bytes: 0 });
  await print(entry, 20);
  assertEquals(await readAll(entry, "stdout"), { cut: 100n, bytes: 20 });
});

Deno.test("output whose removal had not reached the disk is removed again after a power cut", async () => {
  const { entry, disk } = await startEntry();
  await print(entry, 5_000, 50);
  const left = await outputFiles(disk);

  // Files that had been removed are back, because a middle state of the unsynced changes survives.
  const after = disk.afterCrash("power", { fraction: () => 0.5 });
  assert((await outputFiles(after)).length > left.length);
  await using journal = await openSmall(after, { bootId: "another boot" });

  const again = journal.find("manager", 1n);
  assert(again !== undefined);
  const { bytes } = await readAll(again, "stdout");
  assert(bytes > SMALL_LIMITS.window, `${bytes} bytes are left`);
  assert(
    bytes <= SMALL_LIMITS.offlineOutput + SMALL_LIMITS.segment,
    `${bytes} bytes are kept`,
  );
});
