import { type Asker, operatorText } from "../../base/asker.ts";
import type { Timer } from "../../base/clock.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { isOpenJob, jobIdOf, jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type {
  EntryMove,
  EntryRecord,
  JobFilter,
  JobRecord,
  MovedEntry,
  NewJob,
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
import type { ResolvedTargets, TargetSelection } from "../operator_api.ts";
import type { Targeting } from "../targeting.ts";
import { checkWatchStart, type WatchSource } from "../watching/watch.ts";
import { ActiveJob } from "./active_job.ts";
import { moveBy } from "./entry_lifecycle.ts";
import { ExpectedAgents } from "./expected.ts";
import { nextState } from "./job_lifecycle.ts";
import type { JobParts } from "./job_parts.ts";
import { watchJob } from "./job_watch.ts";
import { checkLimits } from "./limits.ts";
import { startOrder } from "./order.ts";

const log = logger("manager", "jobs");

/** Delay before an ended job is judged anew, in milliseconds: several of its commands may come back at once. */
const JUDGE_MS = 1_000;

/** Parts that jobs need. */
export interface JobsOptions extends Omit<JobParts, "commands" | "isExpected"> {
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
  /** Ended jobs that are to be judged anew. */
  readonly #toJudge = new Map<bigint, Timer>();
  /** Highest id of the jobs of earlier runs of the Manager. */
  #lastFound = 0n;
  #isStopped = false;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#parts = {
      ...options,
      isExpected: (agent) => this.#expected.has(agent),
    };
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
    await store.noteStopping(null);
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
    for (const timer of this.#toJudge.values()) timer.cancel();
    for (const job of this.#active.values()) job.stop();
    try {
      await this.#options.store.noteStopping(this.#options.clock.now());
    } catch (error) {
      log.error("Cannot record that the Manager stops: {error}", {
        error: messageOf(error),
      });
    }
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
    return viewOf(await this.#find(id));
  }

  async list(filter: JobFilter): Promise<JobView[]> {
    const records = await this.#options.store.jobs(filter);
    return records.map((record) => viewOf(this.#newest(record)));
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
          this.#entryView({
            position,
            agent: command.agent,
            state: "started",
            reason: "",
            canary,
            commandId: command.id,
            command,
          }),
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
    { scope, on, requestId, ...asker }: Parameters<JobAdmin["rerun"]>[1],
  ): Promise<StartedJob> {
    const earlier = await this.#earlier(requestId);
    if (earlier !== undefined) return earlier;
    const old = await this.#find(id);
    this.#requireRunning(old.operation);
    if (isOpenJob(old.state)) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot run job ${
          jobName(id)
        } again: it has not ended, it is ${old.state}`,
      );
    }
    const { targeting, store } = this.#options;
    const set = scope === "all" ? "job" : scope;
    const names = await store.jobAgents(id, set);
    const targets: TargetSelection = {
      expressions: on.length > 0 ? on : [`@job(${jobName(id)})`],
    };
    const resolved = narrow(await targeting.resolve(targets), names);
    if (resolved.agents.length === 0) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot run job ${jobName(id)} again: ${NOBODY[scope]}`,
      );
    }
    return await this.#make(
      {
        ...old,
        ...asker,
        timeoutMs: old.timeoutMs ?? undefined,
        killAfterMs: old.killAfterMs ?? undefined,
        requestId,
        targets,
      },
      resolved,
      id,
    );
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

  /** Step of the entries of an agent that is removed. */
  removal(at: number): EntryMove {
    return moveBy("removed", at, "the agent was removed");
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
    this.#ofCommand(command, (job) => job.commandChanged(command));
  }

  #ofCommand({ job }: CommandRecord, tell: (job: ActiveJob) => void): void {
    const id = jobIdOf(job);
    if (id === undefined) return;
    const active = this.#active.get(id);
    if (active === undefined) this.#judgeLater(id);
    else tell(active);
  }

  /** The end of a command was only presumed, and its job has ended already. */
  #judgeLater(id: bigint): void {
    if (this.#toJudge.has(id) || this.#isStopped) return;
    const timer = this.#options.clock.timer(JUDGE_MS, () => {
      this.#toJudge.delete(id);
      this.#judge(id).catch((error) => {
        log.error("Cannot judge job {id} anew: {error}", {
          id: jobName(id),
          error: messageOf(error),
        });
        this.#judgeLater(id);
      });
    });
    this.#toJudge.set(id, timer);
  }

  async #judge(id: bigint): Promise<void> {
    const { store } = this.#options;
    const job = await store.recountJob(id);
    if (job === undefined) return;
    const { state, counts } = job;
    const isDone = counts.succeeded === counts.total;
    const next = nextState(state, isDone ? "done" : "undone");
    if (next === undefined || next === state) return;
    await store.patchJob({ id, state: next });
    this.#options.events.add(
      "job_ended",
      `job ${
        jobName(id)
      } is ${next} after all: an agent told how its command ended`,
    );
  }

  async #make(
    request: JobRequest,
    resolved: ResolvedTargets,
    rerunOf: bigint | null,
  ): Promise<StartedJob> {
    const { store, clock, events } = this.#options;
    this.#checkParams(request, resolved);
    const { operation, params } = request;
    const blobs = await this.#options.blobs?.need(operation, params) ?? [];
    const order = await this.#order(request, resolved);
    const now = clock.now();
    const name = request.limits.supersedeKey;
    const job: NewJob = {
      requestId: request.requestId,
      targets: request.targets,
      operation: request.operation,
      params: request.params,
      timeoutMs: request.timeoutMs ?? null,
      onDisconnect: request.onDisconnect,
      killAfterMs: request.killAfterMs ?? null,
      limits: request.limits,
      name: request.name,
      note: request.note,
      requestedBy: request.requestedBy,
      saidBy: request.saidBy,
      createdAt: now,
      rerunOf,
      canaries: order.canaries,
    };
    const made = await store.createJob(job, {
      agents: order.names,
      blobs,
      gone: this.removal(now),
      supersedes: name === "" ? [] : this.#withKey(name),
      supersede: moveBy("superseded", now, "job % with the same key came"),
    });
    if (made.repeated) return { job: viewOf(made.job), notes: undefined };
    const { id } = made.job;
    this.moved(made.moved);
    const count = made.job.total === 1 ? "1 agent" : `${made.job.total} agents`;
    events.add(
      "job_started",
      `job ${jobName(id)} (${job.operation}) on ${count} by ${
        operatorText(request)
      }${rerunOf === null ? "" : `, which repeats ${jobName(rerunOf)}`}`,
    );
    const active = this.#add(
      new ActiveJob(
        {
          record: made.job,
          counts: made.job.counts,
          cursor: 0,
          commands: [],
        },
        this.#parts,
        { ...this.#ends, first: order.names },
      ),
    );
    await active.begin();
    const { agents: _agents, ...notes } = resolved;
    const expected = order.names.filter((each) => this.#isExpected(each));
    return { job: viewOf(active), notes: { ...notes, expected } };
  }

  async #order(
    { limits }: JobRequest,
    { agents }: ResolvedTargets,
  ): Promise<ReturnType<typeof startOrder>> {
    const { targeting, random } = this.#options;
    const named = limits.canaryTargets.length === 0
      ? undefined
      : await targeting.resolve({ expressions: limits.canaryTargets });
    const candidates = agents.map(({ name, connected }) => ({
      name,
      connected,
      expected: this.#isExpected(name),
    }));
    return startOrder(candidates, limits, {
      named: named && new Set(named.agents.map(({ name }) => name)),
      random,
    });
  }

  /** A legacy agent checks its own parameters: wrong ones are an error unless there is no other agent. */
  #checkParams(
    { operation, params }: JobRequest,
    { agents }: ResolvedTargets,
  ): void {
    const { fleet, checkParams } = this.#options;
    const areLegacy = agents.every(({ name }) => {
      const session = fleet.session(name);
      return session !== undefined && session.operations === undefined;
    });
    if (!areLegacy) checkParams(operation, params);
  }

  #isExpected(agent: string): boolean {
    return this.#expected.has(agent) &&
      this.#options.fleet.session(agent) === undefined;
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
      { job: viewOf(this.#newest(record)), notes: undefined };
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
    if (!job.tally.isOver) this.#judgeLater(job.id);
  }

  #tell(kind: string, job: ActiveJob, text: string): void {
    this.#options.events.add(kind, `job ${jobName(job.id)} ${text}`);
  }

  async #entries(
    id: bigint,
    which: Parameters<JobsOptions["store"]["jobEntries"]>[1],
  ): Promise<EntryView[]> {
    const records = await this.#options.store.jobEntries(id, which);
    return records.map((record) => this.#entryView(record));
  }

  #entryView(record: EntryRecord): EntryView {
    const { commands } = this.#options;
    const { command, agent, state } = record;
    const newest = command && (commands.openRecord(command.id) ?? command);
    const isOpen = command === null
      ? state === "queued" || state === "waiting"
      : commands.openRecord(command.id) !== undefined;
    return {
      ...record,
      command: newest,
      unreachableSince: isOpen
        ? commands.unreachableSince(agent, newest?.createdAt ?? 0)
        : null,
    };
  }
}

const NOBODY = {
  all: "none of its agents is enrolled",
  failed: "every agent did it",
  lost: "it has no lost commands",
  unreachable: "every agent could be reached",
} as const;

/** Only these agents of a selection. */
function narrow(
  resolved: ResolvedTargets,
  names: readonly string[],
): ResolvedTargets {
  const wanted = new Set(names);
  const agents = resolved.agents.filter(({ name }) => wanted.has(name));
  return { ...resolved, agents };
}

function viewOf(job: JobRecord | ActiveJob): JobView {
  const record = "tally" in job
    ? { ...job.record, counts: job.tally.counts }
    : job;
  const { requestId: _requestId, endsAs: _endsAs, ...view } = record;
  return view;
}
