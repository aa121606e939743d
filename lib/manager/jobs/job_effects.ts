import { isOpenState } from "../../base/command_state.ts";
import { messageOf } from "../../base/errors.ts";
import { jobIdOf, jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import type {
  EntryMove,
  JobRecord,
  MovedEntry,
} from "../../store/job_records.ts";
import type { AgentRecord, CommandRecord } from "../../store/records.ts";
import type { CommandNews } from "../command/open_commands.ts";
import type { Commands } from "../commands.ts";
import type { AgentSession } from "../fleet.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import { ActiveJob } from "./active_job.ts";
import { EarlyMoves } from "./early_moves.ts";
import { moveBy } from "./entry_lifecycle.ts";
import { ExpectedAgents } from "./expected.ts";
import type { MadeJob } from "./job_maker.ts";
import type { JobParts } from "./job_parts.ts";
import { Judge } from "./judge.ts";
import { unsureReason } from "./unsure.ts";

const log = logger("manager", "jobs");

/** Parts that the effects on jobs need. */
export interface JobEffectsOptions
  extends Omit<JobParts, "commands" | "isExpected" | "isUnsure"> {
  readonly commands: Commands;
  /** Secrets of commands; none if absent. */
  readonly secrets?: Pick<SecretDesk, "drop"> | undefined;
}

/** Jobs that have not ended, and the effects of agents and commands on them. */
export class JobEffects implements CommandNews {
  /** Parts that all jobs share. */
  readonly parts: JobParts;
  readonly #options: JobEffectsOptions;
  readonly #active = new Map<bigint, ActiveJob>();
  readonly #expected = new ExpectedAgents();
  readonly #judge: Judge;
  /** Highest id of the jobs of earlier runs of the Manager. */
  #lastFound = 0n;
  /** Agents that have said hello since the start. */
  readonly #heard = new Set<string>();
  readonly #early = new EarlyMoves();
  #isStopped = false;

  constructor(options: JobEffectsOptions) {
    this.#options = options;
    this.parts = {
      ...options,
      isExpected: (agent) => this.#expected.has(agent),
      isUnsure: (job, agent) =>
        job <= this.#lastFound && !this.#heard.has(agent),
    };
    this.#judge = new Judge(options);
    options.commands.tellTo(this);
  }

  /**
   * Goes on with the jobs that an earlier run of the Manager left open. Called once, before agents are admitted and after
   * the commands are loaded.
   */
  async load(
    agents: readonly AgentRecord[],
    windowMs: number,
  ): Promise<void> {
    const { store, clock } = this.#options;
    this.#lastFound = await store.lastJobId();
    this.#expected.expect(agents, {
      stoppingAt: await store.stoppingAt(),
      windowMs,
      clock,
      over: () => {
        for (const job of this.#active.values()) void job.judgeQueued();
      },
    });
    this.#noteStopping(null);
    for (const found of await store.foundJobs()) {
      const job = this.#add(new ActiveJob(found, this.parts, this.#ends));
      await job.begin();
    }
  }

  /** Number of jobs that have not ended. */
  get openCount(): number {
    return this.#active.size;
  }

  /** True once the Manager stops. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Job that has not ended. */
  active(id: bigint): ActiveJob | undefined {
    return this.#active.get(id);
  }

  /** Jobs that have not ended and have this key; none for no key. */
  withKey(key: string): JobRecord[] {
    if (key === "") return [];
    return [...this.#active.values()]
      .map(({ record }) => record)
      .filter(({ limits }) => limits.supersedeKey === key);
  }

  /** Starts nothing more: the Manager stops. */
  stop(): void {
    this.#isStopped = true;
    this.#expected.close();
    this.#judge[Symbol.dispose]();
    for (const job of this.#active.values()) job.stop();
    this.#noteStopping(this.#options.clock.now());
  }

  /** Records when the Manager stops, in the background: neither its end nor its start is to fail by a full disk. */
  #noteStopping(at: number | null): void {
    this.#options.store.noteStopping(at).catch((error) => {
      log.error("Cannot record when the Manager stops: {error}", {
        error: messageOf(error),
      });
    });
  }

  /** Keeps steps of entries of a job that is being made, until the result is disposed. */
  beginToMake(): Disposable {
    return this.#early.begin();
  }

  /** Begins a job that was just recorded. */
  async begin({ job, names, moved }: MadeJob): Promise<ActiveJob> {
    this.moved(moved);
    const found = { record: job, counts: job.counts, cursor: 0, commands: [] };
    const active = this.#add(
      new ActiveJob(found, this.parts, { ...this.#ends, first: names }),
    );
    active.moved(this.#early.of(job.id));
    await active.begin();
    return active;
  }

  /** Takes note of an agent that takes commands now, or that has gone: watchers are told, and entries may be queued for it. */
  async agentChanged({ agent }: Pick<AgentSession, "agent">): Promise<void> {
    for (const { record } of this.#options.commands.of(agent)) {
      const id = jobIdOf(record.job);
      if (id !== undefined) this.#active.get(id)?.reachChanged(record);
    }
    const jobs = [...this.#active.values()];
    if (!jobs.some(({ tally }) => tally.of("queued") > 0)) return;
    try {
      const { store } = this.#options;
      for (const { job, position } of await store.entriesOf(agent, "queued")) {
        this.#active.get(job)?.lookAt(position, agent);
      }
    } catch (error) {
      log.error("Cannot find what is queued for agent {agent}: {error}", {
        agent,
        error: messageOf(error),
      });
    }
  }

  /**
   * Step of the entries of an agent that may have run already, and the jobs that it is for: for the record of its hello.
   * Undefined if no job is older than this start of the Manager.
   */
  doubt(at: number): { lastJob: bigint; move: EntryMove } | undefined {
    // Made for each hello, and sent to the database's thread.
    if (this.#lastFound === 0n) return undefined;
    const reason = "the database cannot tell if it ran";
    return { lastJob: this.#lastFound, move: moveBy("doubted", at, reason) };
  }

  /** Takes note of the hello of an agent, which is on the disk, and of the steps of its entries. */
  heard(agent: string, moved: readonly MovedEntry[]): void {
    this.#heard.add(agent);
    this.#expected.came(agent);
    this.moved(moved);
  }

  /** Step of the entries of an agent that is removed. */
  removal(agent: string, at: number): EntryMove {
    const reason = "the agent was removed";
    const isUnsure = [...this.#active.keys()]
      .some((id) => this.parts.isUnsure(id, agent));
    return moveBy("removed", at, isUnsure ? unsureReason(reason) : reason);
  }

  /** Takes note of steps of entries that were recorded together with something else. */
  moved(entries: readonly MovedEntry[]): void {
    for (const [id, moved] of Map.groupBy(entries, ({ job }) => job)) {
      const active = this.#active.get(id);
      if (active === undefined) this.#early.add(moved);
      else active.moved(moved);
    }
  }

  ended(command: CommandRecord): void {
    this.#ofCommand(command, (job) => job.commandEnded(command));
  }

  changed(command: CommandRecord): void {
    this.#ofCommand(
      command,
      (job) =>
        isOpenState(command.state)
          ? job.commandChanged(command)
          : job.commandEnded(command),
    );
  }

  #ofCommand({ job }: CommandRecord, tell: (job: ActiveJob) => void): void {
    const id = jobIdOf(job);
    if (id === undefined) return;
    const active = this.#active.get(id);
    if (active === undefined) this.#judge.look(id);
    else tell(active);
  }

  readonly #ends = { ended: (job: ActiveJob) => this.#ended(job) };

  #add(job: ActiveJob): ActiveJob {
    this.#active.set(job.id, job);
    if (this.#isStopped) job.stop();
    return job;
  }

  #ended(job: ActiveJob): void {
    this.#active.delete(job.id);
    this.#options.secrets?.drop(jobName(job.id));
    const { state, counts, reason } = job.record;
    const text = reason === "" ? "" : `: ${reason}`;
    this.#options.events.add(
      "job_ended",
      `job ${
        jobName(job.id)
      } is ${state}${text} (${counts.succeeded} of ${counts.total} agents did it)`,
    );
    // A command may have come back while the end was recorded.
    if (!job.tally.isOver) this.#judge.look(job.id);
  }
}
