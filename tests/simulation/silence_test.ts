import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Limits } from "../../lib/base/limits.ts";
import type { Program } from "./program.ts";
import { simulate, type StoryParts } from "./simulation.ts";

const HOUR_MS = 3_600_000;

/** Prints for about a day, 174 MB. */
const chatty: Program = {
  delayMs: 0,
  pieces: 2_900,
  pieceBytes: 60_000,
  everyMs: 30_000,
  restMs: 0,
  exitCode: 0,
  endsBy: "stop",
  dyingMs: 0,
  asks: false,
};

Deno.test("an agent whose Manager is away for a day keeps its journal within its bound, and delivers in the end", async () => {
  const used: number[] = [];
  const report = await simulate(1, {
    agents: 1,
    story: async (parts) => {
      const { manager, agents } = parts;
      await chattyStart(parts);
      manager.die({ atCall: 0, awayMs: 24 * HOUR_MS, silently: true });
      for (let hour = 1; hour <= 25; hour++) {
        await hourPasses(parts);
        used.push(...agents.map((agent) => agent.usedBytes));
      }
    },
  });
  assertEquals(report.violation, undefined);
  assertEquals(report.ends, { succeeded: 1 });
  assertGreater(Math.max(...used), Limits.offlineOutput);
  assertLess(Math.max(...used), 2 * (Limits.offlineOutput + 1_048_576));
});

async function chattyStart(parts: StoryParts): Promise<void> {
  const { time, manager, agents, operator } = parts;
  manager.start();
  for (const agent of agents) agent.start();
  await time.run(5_000, () => false);
  operator.runQuietly("web-1", chatty);
  await time.run(60_000, () => false);
}

async function hourPasses({ time }: StoryParts): Promise<void> {
  await time.run(time.elapsed + HOUR_MS, () => false);
}
