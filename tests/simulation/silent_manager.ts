import type { Program } from "./program.ts";
import type { Report } from "./report.ts";
import { simulate, type StoryParts } from "./simulation.ts";

const HOUR_MS = 3_600_000;

/** Prints for about a day, 174 MB. */
const CHATTY: Program = {
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

/** Prints a little, often. */
const BUSY: Program = {
  ...CHATTY,
  pieces: 17_400,
  pieceBytes: 300,
  everyMs: 5_000,
};

/** Runs an agent with commands that print while its Manager is away for `hours`, and then for one more hour. */
export function withoutManager(
  hours: number,
  hourHasPassed: (diskBytes: number) => void,
): Promise<Report> {
  return simulate(1, {
    agents: 1,
    story: async (parts) => {
      await begin(parts);
      const { manager, agents, time } = parts;
      manager.die("power", { atCall: 0, awayMs: hours * HOUR_MS });
      for (let hour = 1; hour <= hours + 1; hour++) {
        await time.run(time.elapsed + HOUR_MS, () => false);
        for (const agent of agents) {
          agent.settleDisk();
          hourHasPassed(agent.usedBytes);
        }
      }
    },
  });
}

async function begin(
  { time, manager, agents, operator }: StoryParts,
): Promise<void> {
  manager.start();
  for (const agent of agents) agent.start();
  await time.run(5_000, () => false);
  operator.runQuietly("web-1", CHATTY);
  operator.runQuietly("web-1", BUSY);
  await time.run(60_000, () => false);
}
