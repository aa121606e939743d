import {
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { TALKATIVE } from "./program.ts";
import { JOB_PLANTS, type Plant } from "./plants.ts";
import { complaintOf, search } from "./search.ts";
import type { Report } from "./report.ts";
import { simulate, type StoryParts } from "./simulation.ts";

const AGENTS = 8;

Deno.test("jobs without faults come to their ends", async () => {
  const report = await simulate(3, { agents: AGENTS, jobs: true, calm: true });
  assertEquals(report.violation, undefined);
  assertGreater(report.effects, 0);
});

Deno.test("seeds 1 to 30 of faults break no rule of jobs", async () => {
  const broken = await search({
    from: 1,
    seeds: 30,
    agents: AGENTS,
    jobs: true,
  });
  assertEquals(complaintOf(broken), "");
});

for (const plant of JOB_PLANTS.filter((each) => each !== "entry-not-doubted")) {
  Deno.test(`the planted bug of jobs "${plant}" is found`, async () => {
    const broken = await search({
      from: 1,
      seeds: 100,
      agents: AGENTS,
      jobs: true,
      plant,
    });
    assertNotEquals(complaintOf(broken), "");
  });
}

/** Runs a job on two agents, one after the other, and sets the Manager back to a time at which the second one waited. */
function restored(plant?: Plant): Promise<Report> {
  return simulate(1, { agents: 2, jobs: true, plant, story: setBack });
}

async function setBack(
  { time, manager, agents }: StoryParts,
): Promise<void> {
  manager.start();
  for (const agent of agents) agent.start();
  await time.run(5_000, () => false);
  // Not awaited: time passes only below.
  void manager.core?.jobs.start({
    targets: { expressions: ["all"] },
    operation: "simulated.Run",
    params: JSON.stringify(TALKATIVE),
    requestId: "once",
    onDisconnect: "continue",
    requestedBy: "operator",
    saidBy: "",
    name: "",
    note: "",
    limits: {
      batch: { count: 1 },
      canaryTargets: [],
      cancelRest: false,
      order: "name",
      supersedeKey: "",
    },
  });
  await time.run(6_000, () => false);
  const backup = manager.backup();
  await time.run(30_000, () => false);
  await manager.restore(backup, 100);
  await time.run(60_000, () => false);
}

Deno.test("an entry that waits in a restored backup does not run twice", async () => {
  const { violation, effects } = await restored();
  assertEquals([violation, effects], [undefined, 2]);
});

Deno.test('the planted bug of jobs "entry-not-doubted" is found', async () => {
  const { violation } = await restored("entry-not-doubted");
  assertStringIncludes(violation ?? "", 'entry 1 of "once" runs twice');
});
