import {
  assertEquals,
  assertGreaterOrEqual,
  assertNotEquals,
} from "@std/assert";
import { type FleetRecords, mostAtOnce } from "./fleet_records.ts";
import {
  type LargeJob,
  type LargeJobOptions,
  runLargeJob,
} from "./large_job.ts";
import { LARGE_JOB_PLANTS } from "./plants.ts";

const FLEET = 1_000;

/** Number of agents in which a planted bug shows, too, and sooner. */
const SMALL_FLEET = 300;

/** Longest way of a command from the Manager's disk to an agent, in milliseconds. */
const WAY_MS = 50;

const canariesRun = (records: FleetRecords) => records.count("started") >= 2;
const accepted = (count: number) => (records: FleetRecords) =>
  records.count("accepted") >= count;
const failed = (count: number) => (records: FleetRecords) =>
  records.failed >= count;

/** Places of the window. */
function windowOf(agents: number): number {
  return agents * 5 / 100;
}

/** Number of failures that stops the job. */
function limitOf(agents: number): number {
  return agents / 100;
}

/** A job whose commands fail after two fifths of the agents have succeeded. The Manager dies before these and between them. */
function failingJob(agents: number): LargeJobOptions {
  const from = agents * 2 / 5 + 1;
  return {
    agents,
    failing: [from, agents],
    deaths: [
      canariesRun,
      accepted(agents / 5),
      failed(limitOf(agents) / 2),
    ],
  };
}

/** Limits of the job that the records of the agents show as broken. */
function broken({ commands, limitAt, job }: LargeJob): string[] {
  const [first, second, third] = commands;
  const { total } = job;
  const most = mostAtOnce(commands);
  const failures = commands.filter(({ exitCode }) => exitCode === 1).length;
  const late = commands.filter(({ acceptedAt = 0 }) =>
    acceptedAt > limitAt + WAY_MS
  );
  const canariesEnd = Math.max(
    first?.finishedAt ?? Infinity,
    second?.finishedAt ?? Infinity,
  );
  const agents = new Set(commands.map(({ agent }) => agent));
  return [
    ...most > windowOf(total) ? [`${most} ran at once`] : [],
    ...(third?.acceptedAt ?? Infinity) < canariesEnd
      ? ["a third agent started before both canaries ended"]
      : [],
    ...late.length > 0 ? [`${late.length} started after the limit`] : [],
    ...failures >= limitOf(total) + windowOf(total)
      ? [`${failures} failed`]
      : [],
    ...agents.size < commands.length ? ["an agent got two commands"] : [],
    ...commands.some(({ startedAt }) => startedAt === undefined)
      ? ["a command was accepted and did not start"]
      : [],
  ];
}

Deno.test("a job on 1,000 agents keeps its limits while the Manager dies three times", async () => {
  const run = await runLargeJob({
    agents: FLEET,
    deaths: [canariesRun, accepted(300), accepted(700)],
  });

  assertEquals(run.report.violation, undefined);
  assertEquals(run.deaths, 3);
  assertEquals(broken(run), []);
  assertEquals(mostAtOnce(run.commands), windowOf(FLEET));
  assertEquals(run.commands.length, FLEET);
  assertEquals(run.commands.filter(({ exitCode }) => exitCode !== 0), []);
  assertEquals(run.job.state, "succeeded");
  assertEquals(run.job.counts.succeeded, FLEET);
});

Deno.test("a job on 1,000 agents stops at its limit of failures while the Manager dies three times", async () => {
  const run = await runLargeJob(failingJob(FLEET));
  const { job: { counts, ...job }, entries, commands } = run;
  const failures = commands.filter(({ exitCode }) => exitCode === 1).length;

  assertEquals(run.report.violation, undefined);
  assertEquals(run.deaths, 3);
  assertEquals(broken(run), []);
  assertEquals(job.state, "stopped");
  assertEquals(
    job.reason,
    `10 agents have not done it, which reaches its limit of 10`,
  );
  assertGreaterOrEqual(failures, limitOf(FLEET));
  assertEquals(counts.failed, failures);
  assertEquals(counts.succeeded, commands.length - failures);
  // A command that was under way while the Manager died may never have arrived.
  assertEquals(counts.skipped + counts.lost, FLEET - commands.length);
  assertEquals(
    entries.filter(({ state, reason }) =>
      state !== "started" &&
      !(state === "skipped" && reason.startsWith("the job was stopped"))
    ),
    [],
  );
});

Deno.test("the limits hold on the small fleet in which bugs are planted", async () => {
  const run = await runLargeJob(failingJob(SMALL_FLEET));

  assertEquals([run.report.violation, broken(run)], [undefined, []]);
  assertEquals([run.deaths, run.job.state], [3, "stopped"]);
});

for (const plant of LARGE_JOB_PLANTS) {
  Deno.test(`the records of the agents show the planted bug "${plant}"`, async () => {
    const run = await runLargeJob({ ...failingJob(SMALL_FLEET), plant });

    assertNotEquals(broken(run), []);
  });
}
