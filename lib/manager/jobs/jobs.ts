import { type Asker, operatorText } from "../../base/asker.ts";
import { PiriError } from "../../base/errors.ts";
import type { EventKind } from "../../base/event_kinds.ts";
import { jobName } from "../../base/job_state.ts";
import { planIn } from "../../base/plan_name.ts";
import type { Random } from "../../base/random.ts";
import type { JobFilter, JobRecord } from "../../store/job_records.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { Sight } from "../api/operator_api.ts";
import type { Commands } from "../commands.ts";
import type {
  EntryView,
  JobAdmin,
  JobNews,
  JobNotes,
  JobRequest,
  JobView,
  StartedJob,
} from "../api/job_api.ts";
import type { ResolvedTargets } from "../api/operator_api.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import { formatName } from "../../targets/format_targets.ts";
import type { Targeting } from "../targeting.ts";
import { checkWatchStart } from "../watching/watch.ts";
import type { ActiveJob } from "./active_job.ts";
import { JobEffects } from "./job_effects.ts";
import { entryView, jobView, startedView } from "./entry_views.ts";
import { type ApprovedJob, JobMaker } from "./job_maker.ts";
import type { JobParts } from "./job_parts.ts";
import { rerunOf } from "./rerun.ts";
import { seenJobView, seenOnly, seesJob } from "./seen_jobs.ts";
import { withoutDenied } from "./without_denied.ts";
import { watchJob } from "./job_watch.ts";
import { checkLimits } from "./limits.ts";

/** Parts that jobs need. */
export interface JobsOptions
  extends Omit<JobParts, "commands" | "isExpected" | "isUnsure"> {
  readonly commands: Commands;
  readonly random: Random;
  readonly targeting: Targeting;
  /** Large inputs of commands; none if absent. */
  readonly blobs?: Pick<Blobs, "need"> | undefined;
  /** Secrets of commands; none if absent. */
  readonly secrets?: Pick<SecretDesk, "check" | "keep" | "drop"> | undefined;
  /** Checks the parameters of an operation that is known here. Throws INVALID_ARGUMENT. */
  readonly checkParams: (operation: string, params: string) => void;
}

/** Front of all jobs: requests of operators. */
export class Jobs implements JobAdmin {
  readonly #options: JobsOptions;
  readonly #maker: JobMaker;
  /** Effects of agents and commands on jobs. */
  readonly effects: JobEffects;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.effects = new JobEffects(options);
    this.#maker = new JobMaker({
      ...options,
      ...this.effects.parts,
      withKey: (key) => this.effects.withKey(key),
    });
  }

  // Requests of operators.

  async start(request: JobRequest): Promise<StartedJob> {
    const earlier = await this.earlier(request.requestId);
    if (earlier !== undefined) {
      const { id } = earlier.job;
      // Asked again of a Manager that has restarted since, and has forgotten them.
      const isOpen = this.effects.active(id) !== undefined;
      if (isOpen) this.#options.secrets?.keep(jobName(id), request);
      return earlier;
    }
    return await this.#make(request, await this.#resolve(request), null);
  }

  /** Checks a request for a job, and tells its agents and how many approvals by others rules ask for. Starts nothing. */
  async prepare(
    request: JobRequest,
  ): Promise<
    {
      readonly names: readonly string[];
      readonly notes: JobNotes;
      readonly approvals: number;
    }
  > {
    const resolved = await this.#resolve(request);
    const { left, denied } = withoutDenied(request, resolved);
    const { names } = await this.#maker.check(request, left);
    const { agents: _agents, ...notes } = resolved;
    return {
      names,
      notes: { ...notes, expected: [], denied },
      approvals: request.rights?.approvals(request, names) ?? 0,
    };
  }

  /** Starts a job that others have approved, on the agents that they have approved. Throws as `start`. */
  async startApproved(
    request: JobRequest,
    approval: ApprovedJob,
  ): Promise<StartedJob> {
    const expressions = approval.names.map(formatName);
    const targets = { expressions };
    const resolved = await this.#resolve({ ...request, targets });
    return await this.#make(request, resolved, null, approval);
  }

  /** The job that an earlier request of this id made. */
  async earlier(requestId: string): Promise<StartedJob | undefined> {
    const record = await this.#options.store.jobOfRequest(requestId);
    return record &&
      { job: jobView(this.#newest(record)), notes: undefined };
  }

  async get(id: bigint, sight?: Sight): Promise<JobView> {
    return seenJobView(await this.#find(id, sight), sight);
  }

  async list(filter: JobFilter, sight?: Sight): Promise<JobView[]> {
    const records = await this.#options.store.jobs(seenOnly(filter, sight));
    return records.map((record) => seenJobView(this.#newest(record), sight));
  }

  async entries(
    id: bigint,
    page: { readonly from: number; readonly limit: number },
    sight?: Sight,
  ): Promise<EntryView[]> {
    await this.#find(id, sight);
    return await this.#entries(id, page);
  }

  async *watch(
    id: bigint,
    options: Parameters<JobAdmin["watch"]>[1],
  ): AsyncIterable<JobNews> {
    options.from.forEach(checkWatchStart);
    const { sight } = options;
    if (sight !== undefined) await this.#find(id, sight);
    const { store, clock, commands } = this.#options;
    yield* watchJob(
      {
        store,
        clock,
        commands: commands.watchSource,
        active: (job) => this.effects.active(job),
        view: async (job) => seenJobView(await this.#find(job), sight),
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
    { graceMs, ...asker }: Parameters<JobAdmin["cancel"]>[1],
  ): Promise<JobView> {
    const job = await this.#require(id, "cancel");
    const reason = `cancelled by ${operatorText(asker)}`;
    await job.end("cancelled", reason, {
      cancelRequestedAt: this.#options.clock.now(),
      cancelRequestedBy: asker.requestedBy,
      cancelSaidBy: asker.saidBy,
      cancelGraceMs: graceMs ?? null,
    }, this.#audit("CancelJob", id, asker));
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
      await job.take("paused", reason, this.#audit("PauseJob", id, asker));
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
    await job.take("resumed", "", this.#audit("ResumeJob", id, asker));
    this.#tell("job_resumed", job, `is resumed by ${operatorText(asker)}`);
    return await this.get(id);
  }

  async rerun(
    id: bigint,
    request: Parameters<JobAdmin["rerun"]>[1],
  ): Promise<StartedJob> {
    const earlier = await this.earlier(request.requestId);
    if (earlier !== undefined) return earlier;
    const old = await this.#find(id, request.rights?.sight);
    this.#requireRunning(old.operation);
    const plan = planIn(old.operation, old.params);
    if (plan !== undefined) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot run job ${
          jobName(id)
        } again: a plan is for once, and it is one of ${plan}; piri-manager plan makes a new one`,
      );
    }
    const again = await rerunOf(old, request, this.#options);
    return await this.#make(again.request, again.resolved, id);
  }

  async #make(
    request: JobRequest,
    resolved: ResolvedTargets,
    rerunOf: bigint | null,
    approval?: ApprovedJob,
  ): Promise<StartedJob> {
    using _making = this.effects.beginToMake();
    const { left, denied } = withoutDenied(request, resolved);
    const made = await this.#maker.make(request, left, rerunOf, approval);
    const { job, names } = made;
    if (made.repeated) {
      return { job: jobView(this.#newest(job)), notes: undefined };
    }
    const active = await this.effects.begin(made);
    const { agents: _agents, ...notes } = resolved;
    const { fleet } = this.#options;
    const { isExpected } = this.effects.parts;
    const expected = names.filter((name) =>
      isExpected(name) && fleet.session(name) === undefined
    );
    return {
      job: jobView(active.current),
      notes: { ...notes, expected, denied },
    };
  }

  #resolve(
    { operation, limits, targets, rights }: JobRequest,
  ): Promise<ResolvedTargets> {
    this.#requireRunning(operation);
    checkLimits(limits);
    return this.#options.targeting.resolve(targets, rights?.sight);
  }

  #requireRunning(operation: string): void {
    if (!this.effects.isStopped) return;
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot run "${operation}": the Manager is stopping`,
    );
  }

  async #find(id: bigint, sight?: Sight): Promise<JobRecord> {
    const { store } = this.#options;
    const record = this.effects.active(id)?.current ?? await store.job(id);
    if (record !== undefined && await seesJob(store, id, sight)) {
      return this.#newest(record);
    }
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find job ${jobName(id)}: there is no such job`,
    );
  }

  /** The job as it is now. */
  #newest(record: JobRecord): JobRecord {
    return this.effects.active(record.id)?.current ?? record;
  }

  async #require(id: bigint, attempt: string): Promise<ActiveJob> {
    const active = this.effects.active(id);
    if (active !== undefined) return active;
    const { state } = await this.#find(id);
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot ${attempt} job ${jobName(id)}: it has ended, it is ${state}`,
    );
  }

  #audit(act: string, id: bigint, asker: Asker): NewAudit {
    return auditEntry({ act, on: [jobName(id)] }, asker, this.#options.clock);
  }

  #tell(kind: EventKind, job: ActiveJob, text: string): void {
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
