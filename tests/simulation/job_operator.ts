import { messageOf } from "../../lib/base/errors.ts";
import type { JobRequest } from "../../lib/manager/api/job_api.ts";
import type { JobLimits } from "../../lib/store/job_records.ts";
import type { JobRules } from "./job_rules.ts";
import { someProgram } from "./program.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { SimulatedManager } from "./simulated_manager.ts";
import type { World } from "./world.ts";

const ASKER = { requestedBy: "operator", saidBy: "" };

/** Operator who starts jobs, and pauses, resumes, cancels and repeats them. */
export class JobOperator {
  readonly #world: World;
  readonly #manager: SimulatedManager;
  readonly #rules: JobRules;
  readonly #agents: readonly string[];
  readonly #isGone: (agent: string) => boolean;
  readonly #random: SeededRandom;
  #requests = 0;

  constructor(
    world: World,
    manager: SimulatedManager,
    { rules, agents, isGone }: {
      rules: JobRules;
      agents: readonly string[];
      /** True for an agent that never comes back. */
      isGone: (agent: string) => boolean;
    },
  ) {
    this.#world = world;
    this.#manager = manager;
    this.#rules = rules;
    this.#agents = agents;
    this.#isGone = isGone;
    this.#random = world.random.fork("job operator");
  }

  /** Does one of the things that operators do with jobs. */
  act(): void {
    const random = this.#random;
    const choice = random.fraction();
    if (choice < 0.6) return this.#start(this.#someJob(), 3);
    void this.#withAny(async (id, jobs) => {
      if (choice < 0.7) await jobs.pause(id, ASKER);
      else if (choice < 0.8) await jobs.resume(id, ASKER);
      else if (choice < 0.88) await jobs.cancel(id, { ...ASKER });
      else {
        await jobs.rerun(id, {
          ...ASKER,
          scope: random.pick(["all", "failed", "lost", "unreachable"]),
          on: [],
          requestId: this.#nextRequest(),
        });
      }
    });
  }

  /** Cancels all jobs that have not ended, and gives up what runs on agents that never come back. */
  async cancelAll(): Promise<void> {
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined) return;
    const jobs = await life.guarded(core.jobs.list({
      limit: 1_000_000,
      states: ["running", "paused"],
    }));
    for (const { id } of jobs) {
      this.#hear(life.guarded(core.jobs.cancel(id, { ...ASKER })));
    }
    // A job cannot end while a command of it may still run.
    for (const { id, agent } of core.commands.all()) {
      if (!this.#isGone(agent)) continue;
      this.#hear(
        life.guarded(core.commands.giveUp(id, { requestedBy: "operator" })),
      );
    }
  }

  #nextRequest(): string {
    return `job request ${++this.#requests}`;
  }

  /** Sends a request, and repeats it with the same id if the Manager died before its answer. */
  #start(request: JobRequest, tries: number): void {
    const { time, trace } = this.#world;
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined) return;
    this.#rules.asks(request.requestId, request.limits);
    trace.add(
      `operator: ${request.requestId} on ${request.targets.expressions} with ${
        JSON.stringify(request.limits)
      }: ${request.params}`,
    );
    let isAnswered = false;
    const answer = life.guarded(core.jobs.start(request)).then(({ job }) => {
      trace.add(`operator: it is job ${job.id}, ${job.total} agents`);
    }).finally(() => isAnswered = true);
    this.#hear(answer);
    time.after(12_000, () => {
      if (!isAnswered && tries > 1) this.#start(request, tries - 1);
    });
  }

  async #withAny(
    act: (
      id: bigint,
      jobs: NonNullable<SimulatedManager["core"]>["jobs"],
    ) => Promise<void>,
  ): Promise<void> {
    const { core, life } = this.#manager;
    if (core === undefined || life === undefined) return;
    const jobs = await life.guarded(core.jobs.list({ limit: 20 }));
    if (jobs.length === 0) return;
    const { id } = this.#random.pick(jobs);
    this.#hear(life.guarded(act(id, core.jobs)));
  }

  #hear(answer: Promise<unknown>): void {
    answer.catch((error) =>
      this.#world.trace.add(`operator hears: ${messageOf(error)}`)
    );
  }

  #someJob(): JobRequest {
    const random = this.#random;
    const some = this.#agents.filter(() => random.chance(0.5));
    return {
      targets: {
        expressions: random.chance(0.4) || some.length === 0 ? ["all"] : some,
      },
      operation: "simulated.Run",
      params: JSON.stringify(someProgram(random)),
      requestId: this.#nextRequest(),
      onDisconnect: "continue",
      ...random.chance(0.2) ? { timeoutMs: random.whole(500, 10_000) } : {},
      ...ASKER,
      name: "",
      note: "",
      limits: this.#someLimits(),
    };
  }

  #someLimits(): JobLimits {
    const random = this.#random;
    const hasCanary = random.chance(0.25);
    const hasMost = random.chance(0.4);
    return {
      canaryTargets: [],
      order: random.chance(0.3) ? "random" : "name",
      supersedeKey: random.chance(0.2) ? "deploy" : "",
      cancelRest: (hasCanary || hasMost) && random.chance(0.3),
      ...random.chance(0.6)
        ? {
          batch: random.chance(0.7)
            ? { count: random.whole(1, 4) }
            : { percent: random.whole(5, 60) },
        }
        : {},
      ...hasCanary ? { canary: { count: random.whole(1, 2) } } : {},
      ...hasMost ? { maxFailures: { count: random.whole(1, 4) } } : {},
      ...random.chance(0.2) ? { pauseMs: random.whole(1, 2_000) } : {},
      ...random.chance(0.2) ? { deadlineMs: random.whole(1_000, 60_000) } : {},
      ...random.chance(0.5) ? { queueMs: random.whole(1_000, 200_000) } : {},
    };
  }
}
