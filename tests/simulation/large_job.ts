import type { EntryRecord, JobRecord } from "../../lib/store/job_records.ts";
import { type AgentCommand, FleetRecords } from "./fleet_records.ts";
import { START } from "./life.ts";
import type { Plant } from "./plants.ts";
import { type Program, TALKATIVE } from "./program.ts";
import { SeededRandom } from "./seeded_random.ts";
import type { Report } from "./report.ts";
import { simulate, type StoryParts } from "./simulation.ts";

/** Prints a little in about a second. */
const BRIEF: Program = { ...TALKATIVE, pieces: 2, everyMs: 300, restMs: 400 };

/** Number of agents that must succeed before the others start. */
const CANARIES = 2;

/** Time for which programs of canaries rest at their end, in milliseconds: longer than the Manager and its agents are apart. */
const CANARY_MS = 15_000;

/** Time in which the Manager records what agents report, in milliseconds. */
const KNOWN_MS = 100;

/** Time for which the Manager is away after each death, in milliseconds. */
const AWAY_MS = 3_000;

/** Longest duration of the job, in milliseconds. */
const MAX_MS = 10 * 60_000;

/** A job on the whole fleet, and the moments at which the Manager dies. */
export interface LargeJobOptions {
  readonly agents: number;
  /** Bug to plant. */
  readonly plant?: Plant | undefined;
  /** Commands that fail, counted as agents accept them: from the first number up to, but without, the second. */
  readonly failing?: readonly [from: number, below: number];
  /** Moments of deaths, by the records of the agents, each after the one before. The Manager dies once it knows of them. */
  readonly deaths: readonly ((records: FleetRecords) => boolean)[];
}

/** All that is known of a job afterwards. */
export interface LargeJob {
  readonly report: Report;
  readonly job: JobRecord;
  readonly entries: readonly EntryRecord[];
  /** Commands by the records of their agents. */
  readonly commands: readonly AgentCommand[];
  /** Count of the Manager's deaths while commands ran. */
  readonly deaths: number;
  /** Moment at which the database had the failures that reach the limit, in milliseconds since 1970; Infinity if it never had. */
  readonly limitAt: number;
}

/** Runs a job with `--batch 5% --canary 2 --max-failures 1%` on the fleet, and lets the Manager die in its middle. */
export async function runLargeJob(
  { agents, plant, failing = [0, 0], deaths: moments }: LargeJobOptions,
): Promise<LargeJob> {
  const records = new FleetRecords();
  const random = new SeededRandom("hosts");
  const [from, below] = failing;
  let found: Pick<LargeJob, "job" | "entries"> | undefined;
  let deaths = 0;
  const report = await simulate(SEED, {
    agents,
    jobs: true,
    plant,
    hosts: {
      audit: (agent) => records.audit(agent),
      program: () => {
        const number = records.count("accepted");
        return {
          restMs: number <= CANARIES ? CANARY_MS : random.whole(100, 2_000),
          exitCode: number >= from && number < below ? 1 : 0,
        };
      },
    },
    story: async (parts) => {
      const { time, manager } = parts;
      await begin(parts);
      for (const moment of moments) {
        await time.run(time.elapsed + MAX_MS, () => moment(records));
        await time.run(time.elapsed + KNOWN_MS, () => false);
        if (manager.isAlive && isBusy(records)) deaths++;
        manager.die("kill", { atCall: 0, awayMs: AWAY_MS });
        await time.run(time.elapsed + AWAY_MS + 1, () => false);
      }
      found = await ended(parts);
    },
  });
  if (found === undefined) throw new TypeError("the story did not end");
  const { commands } = records;
  const limitAt = START + (report.limitsAt.get("large") ?? Infinity);
  return { report, ...found, commands, deaths, limitAt };
}

/** A seed whose Manager takes many hellos at once. */
const SEED = 3;

function isBusy(records: FleetRecords): boolean {
  return records.count("accepted") > records.count("ended");
}

/** Connects the fleet by good links, and starts the job. */
async function begin(
  { time, manager, agents, network }: StoryParts,
): Promise<void> {
  network.heal();
  manager.start();
  for (const agent of agents) agent.start();
  const all = () =>
    agents.every(({ name }) =>
      manager.core?.fleet.session(name)?.takesCommands === true
    );
  do await time.run(time.elapsed + 1_000, () => false); while (!all());
  // Not awaited: time passes only below.
  void manager.core?.jobs.start({
    targets: { expressions: ["all"] },
    operation: "simulated.Run",
    params: JSON.stringify(BRIEF),
    requestId: "large",
    onDisconnect: "continue",
    requestedBy: "operator",
    saidBy: "",
    name: "",
    note: "",
    limits: {
      batch: { percent: 5 },
      canary: { count: CANARIES },
      maxFailures: { percent: 1 },
      canaryTargets: [],
      cancelRest: false,
      order: "name",
      supersedeKey: "",
    },
  });
}

/** Waits for the end of the job, and reads it. */
async function ended(
  { time, manager, agents }: StoryParts,
): Promise<Pick<LargeJob, "job" | "entries">> {
  const end = time.elapsed + MAX_MS;
  for (;;) {
    await time.run(time.elapsed + 1_000, () => false);
    const job = await manager.store.job(1n);
    if (job === undefined) throw new TypeError("there is no job");
    if (job.finishedAt === null && time.elapsed < end) continue;
    const page = { from: 0, limit: agents.length };
    return { job, entries: await manager.store.jobEntries(1n, page) };
  }
}
