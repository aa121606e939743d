import { assert, assertEquals } from "@std/assert";
import type { Journal } from "../../../lib/agent/journal/journal.ts";
import { messageOf } from "../../../lib/base/errors.ts";
import type { DiskCall } from "../../support/memory_disk.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";
import { Seeded } from "../../support/seeded.ts";
import { commandOf, openSmall, readAll, resultOf, Script } from "./script.ts";

/** Calls of the script on a disk without faults. */
async function callsOfScript(): Promise<readonly DiskCall[]> {
  const disk = new MemoryDisk();
  const script = new Script();
  await script.run(disk);
  assertEquals(script.failures, []);
  return disk.calls;
}

/** Adds the place to an error. */
async function at(place: string, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    throw new Error(`${place}: ${messageOf(error)}`, { cause: error });
  }
}

Deno.test("a kill at any call of the disk loses nothing that was promised", async () => {
  const calls = await callsOfScript();
  for (const { index, kind, name } of calls) {
    await at(`killed at call ${index}, ${kind} ${name}`, async () => {
      const random = new Seeded(index);
      const disk = new MemoryDisk({
        fault: (call) => call.index === index ? "crash" : undefined,
        fraction: () => random.fraction(),
      });
      const script = new Script();
      await Promise.race([script.run(disk), disk.crashed]);
      await using journal = await openSmall(disk.afterCrash("kill"));
      await script.check(journal, "kill");
    });
  }
});

Deno.test("a power cut at any call loses nothing promised, whatever becomes of unsynced bytes", async () => {
  const calls = await callsOfScript();
  for (const { index, kind, name } of calls) {
    for (let seed = 0; seed < 8; seed++) {
      await at(`cut at call ${index}, ${kind} ${name}, ${seed}`, async () => {
        const random = new Seeded(index * 8 + seed);
        const disk = new MemoryDisk({
          fault: (call) => call.index === index ? "crash" : undefined,
          fraction: () => random.fraction(),
        });
        const script = new Script();
        await Promise.race([script.run(disk), disk.crashed]);
        await using journal = await openSmall(disk.afterCrash("power"), {
          bootId: "another boot",
        });
        await script.check(journal, "power");
      });
    }
  }
});

Deno.test("a journal that crashes during recovery from a crash still keeps its promises", async () => {
  const calls = await callsOfScript();
  const middle = calls.findLastIndex(({ kind }) => kind === "sync");
  for (let seed = 0; seed < 100; seed++) {
    await at(`seed ${seed}`, async () => {
      const random = new Seeded(seed);
      const first = new MemoryDisk({
        fault: ({ index }) => index === middle ? "crash" : undefined,
        fraction: () => random.fraction(),
      });
      const script = new Script();
      await Promise.race([script.run(first), first.crashed]);
      const second = first.afterCrash("power", {
        fault: ({ index }) => index === seed ? "crash" : undefined,
      });
      await Promise.race([
        openSmall(second, { bootId: "second" }),
        second.crashed,
      ]);
      await using journal = await openSmall(second.afterCrash("power"), {
        bootId: "third",
      });
      await script.check(journal, "power");
    });
  }
});

Deno.test("a journal taken over from a killed agent survives a power cut like its own", async () => {
  const calls = await callsOfScript();
  for (const { index, kind, name } of calls) {
    await at(`killed at call ${index}, ${kind} ${name}`, async () => {
      const random = new Seeded(index);
      const first = new MemoryDisk({
        fault: (call) => call.index === index ? "crash" : undefined,
        fraction: () => random.fraction(),
      });
      await Promise.race([new Script().run(first), first.crashed]);
      const second = first.afterCrash("kill");
      const heir = await openSmall(second);
      const session = await heir.nextSession();
      const open = heir.entries().filter(({ state }) => state !== "finished");
      for (const entry of open) await entry.finish(resultOf(entry.id));
      const told = await tellAll(heir);
      const { instance, lastCommandId } = heir;
      await using journal = await openSmall(second.afterCrash("power"));
      assertEquals(await tellAll(journal), told);
      assertEquals(journal.instance, instance);
      assertEquals(journal.lastCommandId, lastCommandId);
      assert(await journal.nextSession() > session);
    });
  }
});

/** All that a journal has of its commands. */
async function tellAll(journal: Journal): Promise<unknown[]> {
  const told = [];
  for (const entry of journal.entries()) {
    const { id, state, result } = entry;
    const produced = entry.produced("stdout");
    told.push({ id, state, result, produced });
    told.push(await readAll(entry, "stdout"));
  }
  return told;
}

Deno.test("a disk that fails at any one call costs only refused or cut bytes, and nothing promised", async () => {
  await failEach((index, planned) => index === planned, "kill");
  await failEach((index, planned) => index === planned, "power");
});

Deno.test("a disk that fails from any call on costs only refused or cut bytes, and nothing promised", async () => {
  await failEach((index, planned) => index >= planned, "kill");
  await failEach((index, planned) => index >= planned, "power");
});

/** Runs a script on a disk that fails, and then checks what another agent finds on the repaired disk. */
async function failEach(
  fails: (index: number, planned: number) => boolean,
  crash: "kill" | "power",
): Promise<void> {
  const calls = await callsOfScript();
  for (const planned of calls) {
    const { index, kind, name } = planned;
    await at(`fails at call ${index}, ${kind} ${name}`, async () => {
      let broken = true;
      const random = new Seeded(index);
      const disk = new MemoryDisk({
        fault: (call) =>
          broken && fails(call.index, index) ? "error" : undefined,
        fraction: () => random.fraction(),
      });
      const script = new Script();
      await script.run(disk);
      broken = false;
      await using journal = await openSmall(disk.afterCrash(crash));
      if (script.instance !== undefined && !script.newInstanceAsked) {
        assertEquals(journal.instance, script.instance);
      }
      assert(journal.lastCommandId >= script.lastCommandId);
      for (const { id, finished, forgetAsked } of script.promised.values()) {
        const entry = journal.find("manager", id);
        assert(entry !== undefined || forgetAsked, `command ${id} is lost`);
        if (entry === undefined || forgetAsked) continue;
        assertEquals(entry.command, commandOf(id));
        if (finished) assertEquals(entry.result, resultOf(id));
        await readAll(entry, "stdout");
      }
      assert(await journal.nextSession() > script.session);
    });
  }
}
