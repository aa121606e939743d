import { type Asker, operatorText } from "../../base/asker.ts";
import { isOpenState } from "../../base/command_state.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { jobIdOf, jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type {
  EntryMove,
  JobFilter,
  JobRecord,
  MovedEntry,
} from "../../store/job_records.ts";
import type { AgentRecord, CommandRecord } from "../../store/records.ts";
import type { CommandNews } from "../command/open_commands.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { Commands } from "../commands.ts";
import type { AgentSession } from "../fleet.ts";
import type {
  EntryView,
  JobAdmin,
  JobNews,
  JobRequest,
  JobView,
  StartedJob,
} from "../job_api.ts";
import type { ResolvedTargets } from "../operator_api.ts";
import type { Targeting } from "../targeting.ts";
import { checkWatchStart, type WatchSource } from "../watching/watch.ts";
import { ActiveJob } from "./active_job.ts";
import { moveBy } from "./entry_lifecycle.ts";
import { ExpectedAgents } from "./expected.ts";
import { entryView, jobView, startedView } from "./entry_views.ts";
import { JobMaker } from "./job_maker.ts";
import type { JobParts } from "./job_parts.ts";
import { rerunOf } from "./rerun.ts";
import { watchJob } from "./job_watch.ts";
import { unsureReason } from "./unsure.ts";
import { checkLimits } from "./limits.ts";
import { Judge } from "./judge.ts";

const log = logger("manager", "jobs");

/** Parts that jobs need. */
export interface JobsOptions
  extends Omit<JobParts, "commands" | "isExpected" | "isUnsure"> {
  readonly commands: Commands;
  readonly random: Random;
  readonly targeting: Targeting;
  /** Large inputs of commands; none if absent. */
  readonly blobs?: Pick<Blobs, "need"> | undefined;
  /** Checks the parameters of an operation that is known here. Throws INVALID_ARGUMENT. */
  readonly checkParams: (operation: string, params: string) => void;
}

/** Front of all jobs: requests of operators, and what becomes of agents and commands. */
export class Jobs implements JobAdmin, CommandNews {
  readonly #options: JobsOptions;
  readonly #parts: JobParts;
  readonly #active = new Map<bigint, ActiveJob>();
  readonly #expected = new ExpectedAgents();
  readonly #judge: Judge;
  readonly #maker: JobMaker;
  /** Highest id of the jobs of earlier runs of the Manager. */
  #lastFound = 0n;
  /** Agents that have said hello since the start. */
  readonly #heard = new Set<string>();
  #isStopped = false;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#parts = {
      ...options,
      isExpected: (agent) => this.#expected.has(agent),
      isUnsure: (job, agent) =>
        job <= this.#lastFound && !this.#heard.has(agent),
    };
    this.#judge = new Judge(options);
    this.#maker = new JobMaker({
      ...options,
      ...this.#parts,
      withKey: (key) => this.#withKey(key),
    });
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
    await this.#noteStopping(null);
    for (const found of await store.foundJobs()) {
      const job = this.#add(new ActiveJob(found, this.#parts, this.#ends));
      await job.begin();
    }
  }

  /** Number of jobs that have not ended. */
  get openCount(): number {
    return this.#active.size;
  }

  /** Starts nothing more: the Manager stops. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#expected.close();
    this.#judge[Symbol.dispose]();
    for (const job of this.#active.values()) job.stop();
    await this.#noteStopping(this.#options.clock.now());
  }

  // Requests of operators.

  async start(request: JobRequest): Promise<StartedJob> {
    const earlier = await this.#earlier(request.requestId);
    if (earlier !== undefined) return earlier;
    this.#requireRunning(request.operation);
    checkLimits(request.limits);
    const resolved = await this.#options.targeting.resolve(request.targets);
    return await this.#make(request, resolved, null);
  }

  async get(id: bigint): Promise<JobView> {
    return jobView(await this.#find(id));
  }

  async list(filter: JobFilter): Promise<JobView[]> {
    const records = await this.#options.store.jobs(filter);
    return records.map((record) => jobView(this.#newest(record)));
  }

  async entries(
    id: bigint,
    page: { readonly from: number; readonly limit: number },
  ): Promise<EntryView[]> {
    await this.#find(id);
    return await this.#entries(id, page);
  }

  async *watch(
    id: bigint,
    options: Parameters<JobAdmin["watch"]>[1],
  ): AsyncIterable<JobNews> {
    options.from.forEach(checkWatchStart);
    const { store, clock, commands } = this.#options;
    yield* watchJob(
      {
        store,
        clock,
        commands: commands.watchSource as WatchSource,
        active: (job) => this.#active.get(job),
        view: (job) => this.get(job),
        entries: (job, which) => this.#entries(job, which),
        entryOf: (position, canary, command) =>
          entryView(startedView(position, canary, command), commands),
      },
      id,
      options,
    );
  }

  async cancel(
    id: bigint,
    { graceMs, requestedBy, saidBy }: Parameters<JobAdmin["cancel"]>[1],
  ): Promise<JobView> {
    const job = await this.#require(id, "cancel");
    const asker = { requestedBy, saidBy };
    const reason = `cancelled by ${operatorText(asker)}`;
    await job.end("cancelled", reason, {
      cancel: true,
      cancelRequestedAt: this.#options.clock.now(),
      cancelRequestedBy: requestedBy,
      cancelSaidBy: saidBy,
      cancelGraceMs: graceMs ?? null,
    });
    this.#tell("job_cancelled", job, `is ${reason}`);
    return await this.get(id);
  }

  async pause(id: bigint, asker: Asker): Promise<JobView> {
    const job = await this.#require(id, "pause");
    if (job.record.endsAs !== null) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot pause job ${jobName(id)}: it starts nothing more already`,
      );
    }
    const reason = `paused by ${operatorText(asker)}`;
    if (job.record.state !== "paused") {
      await job.take("paused", reason);
      this.#tell("job_paused", job, `is ${reason}`);
    }
    return await this.get(id);
  }

  async resume(id: bigint, asker: Asker): Promise<JobView> {
    const job = await this.#require(id, "resume");
    if (job.record.state !== "paused") {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot resume job ${jobName(id)}: it is not paused`,
      );
    }
    await job.take("resumed", "");
    this.#tell("job_resumed", job, `is resumed by ${operatorText(asker)}`);
    return await this.get(id);
  }

  async rerun(
    id: bigint,
    request: Parameters<JobAdmin["rerun"]>[1],
  ): Promise<StartedJob> {
    const earlier = await this.#earlier(request.requestId);
    if (earlier !== undefined) return earlier;
    const old = await this.#find(id);
    this.#requireRunning(old.operation);
    const again = await rerunOf(old, request, this.#options);
    return await this.#make(again.request, again.resolved, id);
  }

  /** Records that the Manager stops, or that it runs. On a full disk it runs and stops all the same. */
  async #noteStopping(at: number | null): Promise<void> {
    try {
      await this.#options.store.noteStopping(at);
    } catch (error) {
      log.error("Cannot record that the Manager {does}: {error}", {
        does: at === null ? "runs" : "stops",
        error: messageOf(error),
      });
    }
  }

  // What becomes of agents and commands.

  /** Takes note of an agent that takes commands now, or that has gone: entries may be queued for it. */
  async agentChanged({ agent }: Pick<AgentSession, "agent">): Promise<void> {
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

  /** Step of the entries of an agent that may have run already, and the jobs that it is for: for the record of its hello. */
  doubt(at: number): { lastJob: bigint; move: EntryMove } {
    const reason = "the database cannot tell if it ran";
    return { lastJob: this.#lastFound, move: moveBy("doubted", at, reason) };
  }

  /** Takes note of the hello of an agent, which is on the disk, and of the steps of its entries. */
  heard(agent: string, moved: readonly MovedEntry[]): void {
    this.#heard.add(agent);
    this.moved(moved);
  }

  /** Step of the entries of an agent that is removed. */
  removal(agent: string, at: number): EntryMove {
    const reason = "the agent was removed";
    const isUnsure = [...this.#active.keys()]
      .some((id) => this.#parts.isUnsure(id, agent));
    return moveBy("removed", at, isUnsure ? unsureReason(reason) : reason);
  }

  /** Takes note of steps of entries that were recorded together with something else. */
  moved(entries: readonly MovedEntry[]): void {
    for (const [id, moved] of Map.groupBy(entries, ({ job }) => job)) {
      this.#active.get(id)?.moved(moved);
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

  async #make(
    request: JobRequest,
    resolved: ResolvedTargets,
    rerunOf: bigint | null,
  ): Promise<StartedJob> {
    const { job, names, moved, repeated } = await this.#maker.make(
      request,
      resolved,
      rerunOf,
    );
    if (repeated) return { job: jobView(this.#newest(job)), notes: undefined };
    this.moved(moved);
    const found = { record: job, counts: job.counts, cursor: 0, commands: [] };
    const active = this.#add(
      new ActiveJob(found, this.#parts, { ...this.#ends, first: names }),
    );
    await active.begin();
    const { agents: _agents, ...notes } = resolved;
    const { fleet } = this.#options;
    const expected = names.filter((name) =>
      this.#expected.has(name) && fleet.session(name) === undefined
    );
    return { job: jobView(active), notes: { ...notes, expected } };
  }

  /** Jobs that have not ended and have this key. */
  #withKey(key: string): bigint[] {
    return [...this.#active.values()]
      .filter(({ record }) => record.limits.supersedeKey === key)
      .map(({ id }) => id);
  }

  async #earlier(requestId: string): Promise<StartedJob | undefined> {
    const record = await this.#options.store.jobOfRequest(requestId);
    return record &&
      { job: jobView(this.#newest(record)), notes: undefined };
  }

  #requireRunning(operation: string): void {
    if (!this.#isStopped) return;
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot run "${operation}": the Manager is stopping`,
    );
  }

  async #find(id: bigint): Promise<JobRecord> {
    const record = this.#active.get(id) ?? await this.#options.store.job(id);
    if (record !== undefined) return this.#newest(record);
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find job ${jobName(id)}: there is no such job`,
    );
  }

  /** The job as it is now. */
  #newest(record: JobRecord | ActiveJob): JobRecord {
    const active = this.#active.get(record.id);
    if (active !== undefined) {
      return { ...active.record, counts: active.tally.counts };
    }
    return "record" in record ? record.record : record;
  }

  async #require(id: bigint, attempt: string): Promise<ActiveJob> {
    const active = this.#active.get(id);
    if (active !== undefined) return active;
    const { state } = await this.#find(id);
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot ${attempt} job ${jobName(id)}: it has ended, it is ${state}`,
    );
  }

  readonly #ends = { ended: (job: ActiveJob) => this.#ended(job) };

  #add(job: ActiveJob): ActiveJob {
    this.#active.set(job.id, job);
    return job;
  }

  #ended(job: ActiveJob): void {
    this.#active.delete(job.id);
    const { state, counts, reason } = job.record;
    const text = reason === "" ? "" : `: ${reason}`;
    this.#tell(
      "job_ended",
      job,
      `is ${state}${text} (${counts.succeeded} of ${counts.total} agents did it)`,
    );
    // A command may have come back while the end was recorded.
    if (!job.tally.isOver) this.#judge.look(job.id);
  }

  #tell(kind: string, job: ActiveJob, text: string): void {
    this.#options.events.add(kind, `job ${jobName(job.id)} ${text}`);
  }

  async #entries(
    id: bigint,
    which: Parameters<JobsOptions["store"]["jobEntries"]>[1],
  ): Promise<EntryView[]> {
    const { store, commands } = this.#options;
    const records = await store.jobEntries(id, which);
    return records.map((record) => entryView(record, commands));
  }
}
