import type { NewAudit } from "../../store/audit_records.ts";
import { messageOf } from "../../base/errors.ts";
import { isOpenJob, jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import { Turns } from "../../base/turns.ts";
import type {
  FoundJob,
  JobEnd,
  JobPatch,
  JobRecord,
  MovedEntry,
} from "../../store/job_records.ts";
import type { CommandRecord } from "../../store/records.ts";
import { type Batch, BatchMaker } from "./batch.ts";
import { Canaries } from "./canaries.ts";
import { carryOut } from "./carry_out.ts";
import { PAGE, pagesOf } from "./entry_pages.ts";
import { EntryQueue } from "./entry_queue.ts";
import type { JobParts } from "./job_parts.ts";
import { FailureLimit } from "./failure_limit.ts";
import { cancelCommands, isToBeCancelled } from "./job_cancel.ts";
import { type JobListener, JobListeners } from "./job_listeners.ts";
import { JobCommands } from "./job_commands.ts";
import { type JobPause, nextState } from "./job_lifecycle.ts";
import { shareOf } from "./limits.ts";
import { Timers } from "./timers.ts";
import { skipSome } from "./skip_rest.ts";
import { Tally } from "./tally.ts";
import { type Unstarted, type Verdict, verdictOn } from "./verdict.ts";
import { Window } from "./window.ts";

const log = logger("manager", "jobs");

/** Delay before what could not be recorded is tried again, in milliseconds. */
const AGAIN_MS = 5_000;

/**
 * A job that has not ended: its record, its counts and the commands that run, and what starts next. Of an entry that has
 * not started, nothing is in memory but a page of those that come next.
 *
 * One turn after the other: each decides on a number of entries and records that, and only then bytes leave.
 */
export class ActiveJob {
  readonly tally: Tally;
  readonly #parts: JobParts;
  readonly #onEnd: (job: ActiveJob) => void;
  readonly #turns = new Turns();
  readonly #window: Window;
  readonly #canaries: Canaries;
  readonly #queue: EntryQueue;
  readonly #fit: ReturnType<JobParts["commands"]["fitness"]["of"]>;
  readonly #commands: JobCommands;
  readonly #failures: FailureLimit;
  readonly #listeners = new JobListeners();
  readonly #timers: Timers;
  #record: JobRecord;
  /** True if nothing was to start any more when it was read: then nothing has started since any backup of it. */
  readonly #wasEnding: boolean;
  #isAwake = false;
  #isStopped = false;
  #isLate = false;

  constructor(
    { record, counts, cursor, commands }: FoundJob,
    parts: JobParts,
    { first, ended }: {
      /** The first entries in the order of starting, if they are known. */
      readonly first?: readonly string[] | undefined;
      /** Called once the job has ended. */
      readonly ended: (job: ActiveJob) => void;
    },
  ) {
    const { limits, total, canaries } = record;
    this.#record = record;
    this.#wasEnding = record.endsAs !== null;
    this.#parts = parts;
    this.#onEnd = ended;
    this.tally = new Tally(counts);
    this.#canaries = new Canaries(canaries);
    const size = limits.batch === undefined
      ? Infinity
      : shareOf(limits.batch, total);
    this.#window = new Window(size, {
      pauseMs: limits.pauseMs ?? 0,
      clock: parts.clock,
      freed: () => this.wake(),
    });
    this.#fit = parts.commands.fitness.of(record);
    this.#queue = new EntryQueue(
      pagesOf(record, cursor, parts.store, first),
    );
    this.#commands = new JobCommands(commands);
    this.#window.take(this.#commands.size);
    this.#failures = new FailureLimit(record, this.tally);
    this.#timers = new Timers(parts.clock);
  }

  get id(): bigint {
    return this.#record.id;
  }

  get record(): JobRecord {
    return this.#record;
  }

  /** Record of the job, with the counts as they are now. */
  get current(): JobRecord {
    return { ...this.#record, counts: this.tally.counts };
  }

  listen(listener: JobListener): Disposable {
    return this.#listeners.add(listener);
  }

  /** Begins to start entries, or goes on after a restart. */
  async begin(): Promise<void> {
    const { id, canaries, createdAt, limits } = this.#record;
    if (canaries > 0 && this.tally.of("waiting") < this.tally.counts.total) {
      const page = { from: 0, limit: canaries };
      this.#canaries.load(await this.#parts.store.jobEntries(id, page));
    }
    if (limits.deadlineMs !== undefined) {
      this.#timers.at(createdAt + limits.deadlineMs, () => this.#expire());
    }
    if (limits.queueMs !== undefined) {
      this.#timers.at(
        createdAt + limits.queueMs,
        () => void this.judgeQueued(),
      );
    }
    if (isToBeCancelled(this.#record)) void this.#cancelRunning();
    this.wake();
  }

  /** Starts nothing more: the Manager stops. */
  stop(): void {
    this.#isStopped = true;
    this.#window.close();
    this.#timers.close();
  }

  /** Looks soon if something can start. */
  wake(): void {
    if (this.#isAwake || this.#isStopped) return;
    this.#isAwake = true;
    void this.#turns.run(() => this.#turn());
  }

  /** Notes that the agent of a queued entry is there, or has gone. */
  lookAt(position: number, agent: string): void {
    this.#queue.lookAt(position, agent);
    this.wake();
  }

  /** Looks at all queued entries, whatever place is free: the time has passed in which their agents could come back. */
  async judgeQueued(): Promise<void> {
    try {
      for (let from: number | undefined = 0; from !== undefined;) {
        const page: number = from;
        from = await this.#turns.run(() => this.#judgePage(page));
      }
    } catch (error) {
      this.#cannot(error);
      this.#timers.after(AGAIN_MS, () => {
        void this.judgeQueued();
      });
    }
  }

  /** Looks at a page of queued entries. Returns the position of the next page. */
  async #judgePage(from: number): Promise<number | undefined> {
    const { positions, agents } = await this.#parts.store.unstartedEntries(
      this.id,
      "queued",
      { from, limit: PAGE },
    );
    const batch = new BatchMaker(this.#verdict);
    positions.forEach((position, index) => {
      batch.add({ position, agent: agents[index] ?? "", from: "queued" });
    });
    // These start in their turn.
    for (const { position, agent } of batch.starts) {
      this.lookAt(position, agent);
    }
    await this.#carryOut({ starts: [], steps: batch.steps });
    const last = positions.at(-1);
    return last === undefined || positions.length < PAGE ? undefined : last + 1;
  }

  /** Notes steps of entries that others have recorded. */
  moved(entries: readonly MovedEntry[]): void {
    for (const { position, from, to } of entries) {
      this.tally.step(from, to);
      if (to !== "queued") {
        this.#queue.forget(position);
        this.#canaries.note({ position, agent: "" }, to);
      }
      this.#listeners.entry(position);
    }
    this.#listeners.changed();
    this.wake();
  }

  /** Notes the end of one of its commands, which is on the disk. */
  commandEnded(command: CommandRecord): void {
    const step = this.#commands.ended(command);
    if (step === undefined) return;
    const { position, from, to } = step;
    if (from === "running") this.#window.ended();
    this.tally.move(from, to);
    this.#canaries.note({ position, agent: command.agent }, command.state);
    this.#listeners.entry(position, command);
    this.#listeners.changed();
    this.wake();
  }

  /** Tells watchers that the agent of one of its commands is there, or has gone. */
  reachChanged(command: CommandRecord): void {
    const position = this.#commands.positionOf(command.id);
    if (position !== undefined) this.#listeners.entry(position, command);
  }

  /** Notes that one of its commands runs, or is open again. */
  commandChanged(command: CommandRecord): void {
    const step = this.#commands.reopened(command);
    if (step !== undefined) {
      this.#window.take(1);
      this.tally.move(step.from, step.to);
      this.#listeners.changed();
    }
    this.reachChanged(command);
  }

  /**
   * Ends it: nothing more starts, and what runs is cancelled. Of a job that is ending already, only what runs is cancelled.
   * Resolves once that is recorded.
   */
  async end(
    endsAs: JobEnd,
    reason: string,
    cancel?: Omit<JobPatch, "id" | "endsAs" | "reason">,
    audit?: NewAudit,
  ): Promise<void> {
    await this.#turns.run(async () => {
      const { state, endsAs: before } = this.#record;
      if (!isOpenJob(state)) return;
      await this.#patch({
        ...cancel,
        ...before === null ? { endsAs, reason } : {},
      }, audit);
    });
    this.wake();
    await this.#cancelRunning();
  }

  /** Records an event of its life that leaves it open, at the request of a user. */
  async take(event: JobPause, reason: string, audit: NewAudit): Promise<void> {
    await this.#turns.run(async () => {
      const state = nextState(this.#record.state, event);
      if (state !== undefined) await this.#patch({ state, reason }, audit);
    });
    this.wake();
  }

  readonly #verdict = (entry: Unstarted): Verdict =>
    verdictOn(entry, this.#record, { ...this.#parts, fit: this.#fit });

  #cannot(error: unknown): void {
    log.error("Cannot go on with job {id}: {error}", {
      id: jobName(this.id),
      error: messageOf(error),
    });
  }

  async #turn(): Promise<void> {
    this.#isAwake = false;
    if (this.#isStopped) return;
    try {
      if (await this.#advance()) this.wake();
    } catch (error) {
      this.#cannot(error);
      if (this.#isLate) return;
      this.#isLate = true;
      this.#timers.after(AGAIN_MS, () => {
        this.#isLate = false;
        this.wake();
      });
    }
  }

  /** Does the next thing. True if there may be more to do at once. */
  async #advance(): Promise<boolean> {
    const { endsAs, state, limits } = this.#record;
    if (this.tally.isOver) {
      await this.#finish();
      return false;
    }
    if (endsAs !== null) return await this.#skipSome(endsAs);
    const fact = this.#canaries.failure ?? this.#failures.fact;
    const isStopped = this.tally.unstarted > 0 || limits.cancelRest;
    if (fact !== undefined && isStopped) {
      await this.#stopBy(fact);
      return true;
    }
    if (state !== "running" || this.#window.free === 0) return false;
    const batch = await this.#queue.take(this.#verdict, () => ({
      places: this.#window.free,
      failures: this.#failures.left,
      below: this.#canaries.limit,
    }));
    await this.#carryOut(batch);
    return batch.count > 0;
  }

  /** Records a turn, and sends what starts. */
  async #carryOut(batch: Pick<Batch, "starts" | "steps">): Promise<void> {
    await carryOut(batch, this.#record, {
      ...this.#parts,
      window: this.#window,
      queue: this.#queue,
      moved: (entries) => this.moved(entries),
      made: ({ position, from }, command) => {
        this.#commands.add(command.id, position);
        this.tally.move(from, "running");
        this.#listeners.entry(position, command);
        this.#listeners.changed();
      },
    });
    // Agents may have come while it was recorded that their entries wait for them.
    for (const { event, entries } of batch.steps) {
      if (event !== "queued") continue;
      for (const { position, agent } of entries) {
        if (!this.#parts.fleet.session(agent)?.takesCommands) continue;
        this.lookAt(position, agent);
      }
    }
  }

  async #stopBy(fact: string): Promise<void> {
    await this.#patch({ endsAs: "stopped", reason: fact });
    this.#parts.events.add(
      "job_stopped",
      `job ${jobName(this.id)} starts nothing more: ${fact}`,
    );
    if (isToBeCancelled(this.#record)) void this.#cancelRunning();
  }

  async #skipSome(endsAs: JobEnd): Promise<boolean> {
    if (this.tally.unstarted === 0) return false;
    const wasEnding = this.#wasEnding;
    const parts = { ...this.#parts, wasEnding };
    this.moved(await skipSome(this.id, endsAs, parts));
    return true;
  }

  async #finish(): Promise<void> {
    const { state, endsAs, reason } = this.#record;
    const event = endsAs ?? (this.tally.isDone ? "done" : "undone");
    const next = nextState(state, event);
    if (next === undefined) return;
    await this.#patch({
      state: next,
      reason: endsAs === null ? "" : reason,
      finishedAt: this.#parts.clock.now(),
      counts: this.tally.counts,
    });
    this.stop();
    this.#onEnd(this);
    this.#listeners.changed();
  }

  #expire(): void {
    const fact = "its deadline has passed";
    void this.end("expired", fact).then(
      () =>
        this.#parts.events.add(
          "job_expired",
          `job ${jobName(this.id)} starts nothing more: ${fact}`,
        ),
      (error) => {
        log.error("Cannot end job {id}: {error}", { id: this.id, error });
        this.#timers.after(AGAIN_MS, () => this.#expire());
      },
    );
  }

  /** Cancels what runs. What cannot be recorded is tried again. */
  async #cancelRunning(): Promise<void> {
    const { running } = this.#commands;
    if (await cancelCommands(running, this.#record, this.#parts)) return;
    this.#timers.after(AGAIN_MS, () => void this.#cancelRunning());
  }

  async #patch(patch: Omit<JobPatch, "id">, audit?: NewAudit): Promise<void> {
    await this.#parts.store.patchJob({ id: this.id, ...patch }, audit);
    this.#record = { ...this.#record, ...patch } as JobRecord;
    this.#listeners.changed();
  }
}
