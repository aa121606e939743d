import type { ManagerCore } from "../../lib/manager/core.ts";
import type { EntryRecord, JobRecord } from "../../lib/store/job_records.ts";
import { MemoryKeys } from "../support/memory_keys.ts";
import { FleetRecords } from "./fleet_records.ts";
import { type Program, TALKATIVE } from "./program.ts";
import type { Report } from "./report.ts";
import { SeededRandom } from "./seeded_random.ts";
import { simulate, type StoryParts } from "./simulation.ts";

/** Prints a little in some seconds. */
const BRIEF: Program = { ...TALKATIVE, pieces: 2, everyMs: 300, restMs: 400 };

/** Longest wait for anything, in milliseconds. */
const PATIENCE_MS = 10 * 60_000;

const LOOK_MS = 500;

/** A seed whose Manager takes many hellos at once. */
const SEED = 3;

/** Job on all agents at its end. */
export interface EndedJob {
  readonly job: JobRecord;
  readonly entries: readonly EntryRecord[];
}

/** A fleet under load whose Manager's keys and certificate are rotated. */
export class RotatingFleet {
  readonly keys = new MemoryKeys();
  readonly records = new FleetRecords();
  readonly #agents: number;
  #parts: StoryParts | undefined;

  constructor(agents: number) {
    this.#agents = agents;
  }

  /** Runs a story in which this many agents run from the beginning, and reports the first broken rule. */
  async run(
    story: () => Promise<void>,
    running = this.#agents,
  ): Promise<Report> {
    const random = new SeededRandom("hosts");
    return await simulate(SEED, {
      agents: this.#agents,
      jobs: true,
      keys: this.keys,
      hosts: {
        audit: (agent) => this.records.audit(agent),
        program: () => ({ restMs: random.whole(100, 4_000) }),
      },
      story: async (parts) => {
        this.#parts = parts;
        parts.network.heal();
        parts.manager.start();
        this.start(0, running);
        await this.connected(running);
        await story();
      },
    });
  }

  get parts(): StoryParts {
    if (this.#parts === undefined) {
      throw new TypeError("the story has not begun");
    }
    return this.#parts;
  }

  get core(): ManagerCore {
    const { core } = this.parts.manager;
    if (core === undefined) throw new TypeError("the Manager does not run");
    return core;
  }

  /** Starts agents by their places. */
  start(from: number, below: number): void {
    for (const agent of this.parts.agents.slice(from, below)) agent.start();
  }

  /** Waits until the first agents are connected. */
  async connected(count: number): Promise<void> {
    const { agents, manager } = this.parts;
    await this.until(() =>
      agents.slice(0, count).every(({ name }) =>
        manager.core?.fleet.session(name)?.takesCommands === true
      )
    );
  }

  /** Sessions of all agents that are connected, by name. */
  sessions(): Map<string, bigint> {
    return new Map(
      [...this.core.fleet.sessions()].map(({ agent, session }) => [
        agent,
        session,
      ]),
    );
  }

  /** Starts a job on these agents, a quarter at a time. It goes on while time passes. */
  load(requestId: string, expression: string): void {
    void this.core.jobs.start({
      targets: { expressions: [expression] },
      operation: "simulated.Run",
      params: JSON.stringify(BRIEF),
      requestId,
      onDisconnect: "continue",
      requestedBy: "operator",
      saidBy: "",
      name: "",
      note: "",
      limits: {
        batch: { percent: 25 },
        canaryTargets: [],
        cancelRest: false,
        order: "name",
        supersedeKey: "",
      },
    });
  }

  /** Lets time pass until this is so. */
  async until(isSo: () => boolean): Promise<void> {
    const { time } = this.parts;
    const end = time.elapsed + PATIENCE_MS;
    while (!isSo()) {
      if (time.elapsed > end) throw new Error("it has not become so");
      await time.run(time.elapsed + LOOK_MS, () => false);
    }
  }

  /** Waits for a promise while time passes. */
  async passing<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => void (isSettled = true);
    promise.then(settled, settled);
    await this.until(() => isSettled);
    return await promise;
  }

  /** Waits until this many commands were accepted. */
  async accepted(count: number): Promise<void> {
    await this.until(() => this.records.count("accepted") >= count);
  }

  /** Waits until only these agents do not trust the next authority. */
  async lacking(...names: readonly string[]): Promise<void> {
    for (;;) {
      const { authority } = await this.passing(this.core.keys.view());
      if (authority.missing.join() === names.join()) return;
      const { time } = this.parts;
      await time.run(time.elapsed + LOOK_MS, () => false);
    }
  }

  /** Waits for the end of a job, and reads it. */
  async ended(jobId: bigint): Promise<EndedJob> {
    const { time, manager: { store } } = this.parts;
    const end = time.elapsed + PATIENCE_MS;
    for (;;) {
      await time.run(time.elapsed + LOOK_MS, () => false);
      const job = await store.job(jobId);
      if (job === undefined) throw new TypeError("there is no job");
      if (job.finishedAt === null && time.elapsed < end) continue;
      const page = { from: 0, limit: this.#agents };
      return { job, entries: await store.jobEntries(jobId, page) };
    }
  }
}
