import { assertEquals, assertLess } from "@std/assert";
import { simulate } from "./simulation.ts";

/** Time for which the Manager is away, in milliseconds. */
const AWAY_MS = 600_000;

/** Time after which a fleet of five must be back, in milliseconds. */
const BACK_MS = 6_000;

const SEEDS = 10;

/** Time that five agents need to be back after their Manager was away, in milliseconds. */
async function timeToComeBack(seed: number): Promise<number> {
  let needed = Infinity;
  const { violation } = await simulate(seed, {
    agents: 5,
    calm: true,
    story: async ({ time, manager, agents }) => {
      const allAreBack = () =>
        (manager.core?.fleet.size ?? 0) === agents.length;
      manager.start();
      for (const agent of agents) agent.start();
      await time.run(120_000, allAreBack);
      // The last hello of the Manager is on its way.
      await time.run(time.elapsed + 1_000, () => false);
      manager.die("kill", { atCall: 0, awayMs: AWAY_MS });
      const back = time.elapsed + AWAY_MS;
      await time.run(back + 120_000, allAreBack);
      needed = time.elapsed - back;
    },
  });
  assertEquals(violation, undefined);
  return needed;
}

Deno.test("five agents are back within 6 s of a Manager that was away for 10 minutes, for any seed", async () => {
  const times: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    times.push(await timeToComeBack(seed));
  }
  assertLess(Math.max(...times), BACK_MS);
});
