import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { isOpenJob } from "../../../lib/base/job_state.ts";
import { shareOf } from "../../../lib/manager/jobs/limits.ts";
import { FAILURE_COUNTS } from "../../../lib/manager/jobs/tally.ts";
import type { JobView } from "../../../lib/manager/api/job_api.ts";
import { JobFleet, type Limits } from "./job_fleet.ts";

const NAMES = ["a1", "a2", "a3", "a4", "a5", "a6", "a7"];
const ASKER = { requestedBy: "test", saidBy: "" };

const share = fc.oneof(
  fc.integer({ min: 1, max: 4 }).map((count) => ({ count })),
  fc.integer({ min: 1, max: 60 }).map((percent) => ({ percent })),
);

const limits: fc.Arbitrary<Limits> = fc.record({
  batch: share,
  canaryTargets: fc.constantFrom<string[]>([], [], ["a3"], ["a1,a2"]),
  maxFailures: fc.option(share, { nil: undefined }),
  order: fc.constantFrom("name", "random"),
  pauseMs: fc.option(fc.constant(3_000), { nil: undefined }),
  queueMs: fc.option(fc.constant(20_000), { nil: undefined }),
  deadlineMs: fc.option(fc.constant(60_000), { nil: undefined }),
});

/** Step of a test: what happens to an agent, or to all. */
const step = fc.record({
  agent: fc.constantFrom(...NAMES),
  kind: fc.constantFrom(
    "succeed",
    "succeed",
    "succeed",
    "fail",
    "leave",
    "come",
    "wait",
    "pause",
    "resume",
    "restart",
  ),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const ACTIONS: Readonly<
  Record<Step["kind"], (fleet: JobFleet, agent: string) => Promise<unknown>>
> = {
  succeed: (fleet, agent) => fleet.finishIfBusy(agent),
  fail: (fleet, agent) => fleet.finishIfBusy(agent, { fails: true }),
  leave: (fleet, agent) => fleet.disconnect(agent),
  come: (fleet, agent) => fleet.connectIfAway(agent),
  wait: (fleet) => fleet.advance(4_000),
  pause: (fleet) => fleet.jobs.pause(1n, ASKER).catch(() => {}),
  resume: (fleet) => fleet.jobs.resume(1n, ASKER).catch(() => {}),
  restart: (fleet) => fleet.restart(),
};

function failuresIn({ counts }: JobView): number {
  return FAILURE_COUNTS.reduce((sum, name) => sum + counts[name], 0);
}

/** All that holds at any time, judged by what the agents have received. */
async function check(
  fleet: JobFleet,
  asked: Limits,
  before: { readonly job: JobView; readonly started: number },
): Promise<void> {
  const job = await fleet.jobs.get(1n);
  const { total, ...counts } = job.counts;
  const size = asked.batch === undefined
    ? Infinity
    : shareOf(asked.batch, NAMES.length);
  assertLessOrEqual(fleet.busy.length, size, "more at a time than the batch");
  assertEquals(
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    total,
    "the counts do not add up",
  );
  const limit = asked.maxFailures === undefined
    ? Infinity
    : shareOf(asked.maxFailures, NAMES.length);
  const mayStart = failuresIn(before.job) < limit &&
    before.job.state === "running";
  assert(
    mayStart || fleet.started.length === before.started ||
      job.state === "running" && before.job.state === "paused",
    "a start after the limit of failures, or of a job that does not run",
  );
  assertEquals(
    new Set(fleet.started).size,
    fleet.started.length,
    "an agent got the command twice",
  );
}

/** Brings everything to its end: all agents come, and all commands succeed. */
async function settleAll(fleet: JobFleet): Promise<void> {
  await ACTIONS.resume(fleet, "");
  for (const name of NAMES) await fleet.connectIfAway(name);
  for (let round = 0; round < NAMES.length + 1; round++) {
    for (const name of NAMES) await fleet.finishIfBusy(name);
    await fleet.advance(4_000);
  }
}

Deno.test("a job keeps its limits whatever happens, and every entry comes to an end", async () => {
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 }),
      fc.array(step, { maxLength: 25 }),
      async (asked, away, steps) => {
        await using fleet = await JobFleet.start(NAMES);
        for (const name of away) await fleet.disconnect(name);
        await fleet.start({ limits: asked });
        for (const { kind, agent } of steps) {
          const job = await fleet.jobs.get(1n);
          const before = { job, started: fleet.started.length };
          await ACTIONS[kind](fleet, agent);
          await fleet.settle();
          await check(fleet, asked, before);
        }
        await settleAll(fleet);
        const job = await fleet.jobs.get(1n);
        assert(!isOpenJob(job.state), `it is ${job.state}`);
        const { waiting, queued, running, succeeded, total } = job.counts;
        assertEquals([waiting, queued, running], [0, 0, 0]);
        assertEquals(job.state === "succeeded", succeeded === total);
        const entries = await fleet.entries();
        const silent = entries.filter((text) =>
          !/ (succeeded|failed|cancelled|.*: .*)$/.test(text)
        );
        assertEquals(silent, [], "an entry has no end and no reason");
      },
    ),
    { numRuns: 40 },
  );
});
