import { fileURLToPath } from "node:url";
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Limits } from "../../lib/base/limits.ts";
import { withoutManager } from "./silent_manager.ts";

const CHILD = fileURLToPath(new URL("./silence_child.ts", import.meta.url));

const MIB = 1_048_576;

/**
 * Allowed growth of objects in a day: 1,000 open commands an agent, and the traces of 10,000 ended ones, stay in
 * memory.
 */
const MORE_OBJECTS = 6 * MIB;
/** Allowed growth of objects in its last eight hours: some more traces. */
const MORE_LATE_OBJECTS = MIB / 2;

/** Allowed growth of buffers: messages under way, and the space that the simulated disk holds for its files. */
const MORE_BUFFERS = 12 * MIB;

Deno.test("an agent without its Manager for a day keeps its journal within bounds, and delivers in the end", async () => {
  const used: number[] = [];
  const report = await withoutManager(24, (bytes) => void used.push(bytes));
  assertEquals(report.violation, undefined);
  assertEquals(report.ends, { succeeded: 2 });
  assertGreater(Math.max(...used), Limits.offlineOutput);
  assertLess(Math.max(...used), 4 * (Limits.offlineOutput + MIB));
});

Deno.test("an agent without its Manager for a day, with running commands, needs no more memory", () =>
  needsNoMore("away"));

Deno.test("a Manager whose agents read nothing for a day needs no more memory", () =>
  needsNoMore("deaf"));

Deno.test("a Manager whose agents answer nothing but pings for a day needs no more memory", () =>
  needsNoMore("mute"));

Deno.test("a Manager whose agents answer nothing for a day needs no more memory", () =>
  needsNoMore("dead"));

async function needsNoMore(who: string): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--v8-flags=--expose-gc,--no-flush-bytecode",
      CHILD,
      who,
    ],
    stdout: "piped",
    stderr: "inherit",
  });
  const { stdout } = await command.output();
  const { complaint, day, evening } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  assertEquals(complaint, "");
  assertLess(day.objects, MORE_OBJECTS);
  assertLess(day.buffers, MORE_BUFFERS);
  assertLess(evening.objects, MORE_LATE_OBJECTS);
  assertLess(evening.buffers, MORE_BUFFERS);
}
