import type { Asker } from "../../base/asker.ts";
import type { Timer } from "../../base/clock.ts";
import { type CountName, countOf } from "../../base/job_counts.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
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
import { type Batch, takeBatch } from "./batch.ts";
import { Canaries } from "./canaries.ts";
import { moveBy } from "./entry_lifecycle.ts";
import { EntryPages, PAGE } from "./entry_pages.ts";
import type { JobParts } from "./job_parts.ts";
import { nextState } from "./job_lifecycle.ts";
import { shareOf } from "./limits.ts";
import { Tally } from "./tally.ts";
import { type Unstarted, verdictOn } from "./verdict.ts";
import { Window } from "./window.ts";

const log = logger("manager", "jobs");

/** Delay before what could not be recorded is tried again, in milliseconds. */
const AGAIN_MS = 5_000;

/** Longest delay of a timer, in milliseconds: setTimeout takes 31 bits. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Listener of a job. Must not throw. */
export interface JobListener {
  /** The job or its counts have changed. */
  changed(): void;
  /** An entry has changed; with a record, the command of it. */
  entry(position: number, command?: CommandRecord): void;
}

/** Reasons of the end of a job, for its entries. */
const SKIPPED: Readonly<Record<JobEnd, string>> = {
  stopped: "the job was stopped",
  cancelled: "the job was cancelled",
  expired: "the job's deadline has passed",
};

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
  readonly #pages: EntryPages;
  readonly #fit: ReturnType<JobParts["commands"]["fitness"]["of"]>;
  /** Positions of the commands that have not ended. */
  readonly #running = new Map<bigint, number>();
  /** Commands whose end may be taken back, with their counts. */
  readonly #presumed = new Map<
    bigint,
    { position: number; count: CountName }
  >();
  /** Queued entries whose agents may be there. */
  readonly #back = new Map<number, string>();
  readonly #listeners = new Set<JobListener>();
  readonly #timers = new Set<Timer>();
  #record: JobRecord;
  #isAwake = false;
  #isStopped = false;
  #again: Timer | undefined;

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
    const { id, limits, total, canaries } = record;
    this.#record = record;
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
    const known = first?.slice(0, size === Infinity ? total : PAGE);
    this.#pages = new EntryPages(parts.store, id, {
      page: known && { positions: known.map((_, at) => at), agents: known },
      next: known === undefined
        ? cursor
        : known.length < total
        ? known.length
        : undefined,
    });
    for (const { id, position, state } of commands) {
      const count = countOf("started", state);
      if (count === "running") this.#running.set(id, position);
      else this.#presumed.set(id, { position, count });
    }
    this.#window.take(this.#running.size);
  }

  get id(): bigint {
    return this.#record.id;
  }

  get record(): JobRecord {
    return this.#record;
  }

  /** Commands that have not ended. */
  get running(): Iterable<bigint> {
    return this.#running.keys();
  }

  /** Position of the entry of a command that has not ended, or whose end may be taken back. */
  positionOf(command: bigint): number | undefined {
    return this.#running.get(command) ?? this.#presumed.get(command)?.position;
  }

  listen(listener: JobListener): Disposable {
    this.#listeners.add(listener);
    return {
      [Symbol.dispose]: () => void this.#listeners.delete(listener),
    };
  }

  /** Begins to start entries, or goes on after a restart. */
  async begin(): Promise<void> {
    const { id, canaries, createdAt, limits, endsAs } = this.#record;
    if (canaries > 0 && this.tally.of("waiting") < this.tally.counts.total) {
      const entries = await this.#parts.store.jobEntries(id, {
        from: 0,
        limit: canaries,
      });
      for (const { state, command, ...entry } of entries) {
        const known = command?.state ?? state;
        if (!UNDECIDED.has(known)) this.#canaries.note(entry, known);
      }
    }
    if (limits.deadlineMs !== undefined) {
      this.#at(createdAt + limits.deadlineMs, () => this.#expire());
    }
    if (limits.queueMs !== undefined) {
      this.#at(createdAt + limits.queueMs, () => void this.judgeQueued());
    }
    if (endsAs !== null && (endsAs !== "stopped" || limits.cancelRest)) {
      void this.#cancelRunning();
    }
    this.wake();
  }

  /** Starts nothing more: the Manager stops. */
  stop(): void {
    this.#isStopped = true;
    this.#close();
  }

  /** Looks soon if something can start. */
  wake(): void {
    if (this.#isAwake || this.#isStopped) return;
    this.#isAwake = true;
    void this.#turns.run(() => this.#turn());
  }

  /** Notes that the agent of a queued entry is there, or has gone. */
  lookAt(position: number, agent: string): void {
    this.#back.set(position, agent);
    this.wake();
  }

  /** Looks at all queued entries: a time has passed in which their agents could come back. */
  async judgeQueued(): Promise<void> {
    let from = 0;
    for (;;) {
      const { positions, agents } = await this.#parts.store.unstartedEntries(
        this.id,
        "queued",
        { from, limit: PAGE },
      );
      positions.forEach((position, index) => {
        this.#back.set(position, agents[index] ?? "");
      });
      this.wake();
      const last = positions.at(-1);
      if (last === undefined || positions.length < PAGE) return;
      from = last + 1;
    }
  }

  /** Notes steps of entries that others have recorded. */
  moved(entries: readonly MovedEntry[]): void {
    for (const { position, from, to } of entries) {
      this.tally.step(from, to);
      if (to !== "queued") {
        this.#back.delete(position);
        this.#canaries.note({ position, agent: "" }, to);
      }
      for (const each of this.#listeners) each.entry(position);
    }
    this.#changed();
    this.wake();
  }

  /** Notes the end of one of its commands, which is on the disk. */
  commandEnded(command: CommandRecord): void {
    const { id, agent, state, presumed } = command;
    const count = countOf("started", state);
    const position = this.#running.get(id);
    const before = this.#presumed.get(id);
    if (position !== undefined) {
      this.#running.delete(id);
      this.#window.ended();
      this.tally.move("running", count);
    } else if (before !== undefined) this.tally.move(before.count, count);
    else return;
    const place = position ?? before?.position ?? 0;
    if (presumed || state === "lost") {
      this.#presumed.set(id, { position: place, count });
    } else this.#presumed.delete(id);
    this.#canaries.note({ position: place, agent }, state);
    for (const each of this.#listeners) each.entry(place, command);
    this.#changed();
    this.wake();
  }

  /** Notes that one of its commands runs, or is open again. */
  commandChanged(command: CommandRecord): void {
    const { id } = command;
    const before = this.#presumed.get(id);
    if (before !== undefined) {
      this.#presumed.delete(id);
      this.#running.set(id, before.position);
      this.#window.take(1);
      this.tally.move(before.count, "running");
      this.#changed();
    }
    const position = this.#running.get(id);
    if (position === undefined) return;
    for (const each of this.#listeners) each.entry(position, command);
  }

  /** Ends it: nothing more starts, and with a cancel what runs is cancelled. Resolves once that is recorded. */
  async end(
    endsAs: JobEnd,
    reason: string,
    { cancel, ...patch }:
      & Omit<JobPatch, "id" | "endsAs" | "reason">
      & { readonly cancel: boolean },
  ): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#record.endsAs !== null) return;
      await this.#patch({ ...patch, endsAs, reason });
    });
    this.wake();
    if (cancel) await this.#cancelRunning();
  }

  /** Records an event of its life that leaves it open. */
  async take(event: "paused" | "resumed", reason: string): Promise<void> {
    await this.#turns.run(async () => {
      const state = nextState(this.#record.state, event);
      if (state !== undefined) await this.#patch({ state, reason });
    });
    this.wake();
  }

  async #turn(): Promise<void> {
    this.#isAwake = false;
    if (this.#isStopped) return;
    try {
      if (await this.#advance()) this.wake();
    } catch (error) {
      log.error("Cannot go on with job {id}: {error}", {
        id: jobName(this.id),
        error: messageOf(error),
      });
      this.#again ??= this.#parts.clock.timer(AGAIN_MS, () => {
        this.#again = undefined;
        this.wake();
      });
    }
  }

  /** Does the next thing. True if there may be more to do at once. */
  async #advance(): Promise<boolean> {
    const { endsAs, state } = this.#record;
    if (this.tally.isOver) {
      await this.#finish();
      return false;
    }
    if (endsAs !== null) return await this.#skipSome(endsAs);
    const fact = this.#stopFact();
    if (fact !== undefined) {
      await this.#stopBy(fact);
      return true;
    }
    if (state !== "running" || this.#window.free === 0) return false;
    await this.#pages.fill();
    const batch = takeBatch({
      back: this.#back,
      pages: this.#pages,
    }, {
      verdict: (entry) =>
        verdictOn(entry, this.#record, { ...this.#parts, fit: this.#fit }),
      bounds: {
        places: this.#window.free,
        failures: this.#failuresLeft(),
        below: this.#canaries.limit,
      },
    });
    await this.#carryOut(batch);
    return batch.isFull;
  }

  /** Records a turn, and sends what starts. What cannot be recorded has its turn again. */
  async #carryOut({ starts, steps }: Batch): Promise<void> {
    const { store, clock, commands } = this.#parts;
    const at = clock.now();
    const writes = steps.map(async ({ event, reason, entries }) => {
      const positions = entries.map(({ position }) => position);
      try {
        const move = moveBy(event, at, reason);
        this.moved(await store.moveEntries(this.id, move, { positions }));
      } catch (error) {
        this.#takeBack(entries);
        throw error;
      }
      if (event === "queued") this.#lookAgain(entries);
    });
    if (starts.length > 0) {
      this.#window.take(starts.length);
      const start = commands.entries.start(this.#record, starts, {
        move: moveBy("started", at),
        made: (made) => this.#made(made, starts),
      });
      writes.push(start.then((missed) => {
        this.#window.giveBack(missed.length);
      }, (error) => {
        this.#window.giveBack(starts.length);
        this.#takeBack(starts);
        throw error;
      }));
    }
    const results = await Promise.allSettled(writes);
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  #made(
    made: readonly { position: number; record: CommandRecord }[],
    starts: readonly Unstarted[],
  ): void {
    const from = new Map(starts.map((each) => [each.position, each.from]));
    for (const { position, record } of made) {
      this.#running.set(record.id, position);
      this.tally.move(from.get(position) ?? "waiting", "running");
      for (const each of this.#listeners) each.entry(position, record);
    }
    this.#changed();
  }

  #takeBack(entries: readonly Unstarted[]): void {
    let first = Infinity;
    for (const { position, agent, from } of entries) {
      if (from === "queued") this.#back.set(position, agent);
      else first = Math.min(first, position);
    }
    if (first !== Infinity) this.#pages.backTo(first);
  }

  /** Agents may have come while it was recorded that their entries wait for them. */
  #lookAgain(entries: readonly Unstarted[]): void {
    for (const { position, agent } of entries) {
      if (!this.#parts.fleet.session(agent)?.takesCommands) continue;
      this.lookAt(position, agent);
    }
  }

  /** Fact for which nothing more starts; undefined if there is none. */
  #stopFact(): string | undefined {
    if (this.#canaries.failure !== undefined) return this.#canaries.failure;
    if (this.#failuresLeft() > 0) return undefined;
    const { failures } = this.tally;
    return failures === 1
      ? "1 agent has not done it, which is its limit"
      : `${failures} agents have not done it, which reaches its limit of ${this.#failureLimit()}`;
  }

  #failureLimit(): number {
    const { limits: { maxFailures }, total } = this.#record;
    return maxFailures === undefined ? Infinity : shareOf(maxFailures, total);
  }

  #failuresLeft(): number {
    return this.#failureLimit() - this.tally.failures;
  }

  async #stopBy(fact: string): Promise<void> {
    await this.#patch({ endsAs: "stopped", reason: fact });
    this.#parts.events.add(
      "job_stopped",
      `job ${jobName(this.id)} starts nothing more: ${fact}`,
    );
    if (this.#record.limits.cancelRest) void this.#cancelRunning();
  }

  async #skipSome(endsAs: JobEnd): Promise<boolean> {
    if (this.tally.unstarted === 0) return false;
    const { store, clock } = this.#parts;
    const move = moveBy("skipped", clock.now(), SKIPPED[endsAs]);
    const moved = await store.moveEntries(this.id, move, { limit: PAGE });
    this.moved(moved);
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
    this.#changed();
  }

  #expire(): void {
    const fact = "its deadline has passed";
    void this.end("expired", fact, { cancel: true }).then(
      () =>
        this.#parts.events.add(
          "job_expired",
          `job ${jobName(this.id)} starts nothing more: ${fact}`,
        ),
      (error) => {
        log.error("Cannot end job {id}: {error}", { id: this.id, error });
        this.#at(this.#parts.clock.now() + AGAIN_MS, () => this.#expire());
      },
    );
  }

  /** Cancels what runs. What cannot be recorded is tried again. */
  async #cancelRunning(): Promise<void> {
    const { commands, clock } = this.#parts;
    const { cancelGraceMs } = this.#record;
    const { requestedBy, saidBy } = this.#canceller();
    const ids = [...this.#running.keys()];
    for (let at = 0; at < ids.length; at += PAGE) {
      const results = await Promise.allSettled(
        ids.slice(at, at + PAGE).map((id) =>
          commands.cancel(id, cancelGraceMs ?? undefined, requestedBy, saidBy)
        ),
      );
      // A command may have ended meanwhile.
      const isLeft = results.some((result) =>
        result.status === "rejected" && codeOf(result.reason) === "DISK"
      );
      if (!isLeft) continue;
      this.#at(clock.now() + AGAIN_MS, () => void this.#cancelRunning());
      return;
    }
  }

  /** Stands for who ends the commands. */
  #canceller(): Asker {
    const { endsAs, cancelRequestedBy, cancelSaidBy } = this.#record;
    if (endsAs === "cancelled") {
      return { requestedBy: cancelRequestedBy, saidBy: cancelSaidBy };
    }
    const limit = endsAs === "expired" ? "deadline" : "failure limit";
    return { requestedBy: `${limit} of ${jobName(this.id)}`, saidBy: "" };
  }

  async #patch(patch: Omit<JobPatch, "id">): Promise<void> {
    await this.#parts.store.patchJob({ id: this.id, ...patch });
    this.#record = { ...this.#record, ...patch } as JobRecord;
    this.#changed();
  }

  #changed(): void {
    for (const each of this.#listeners) each.changed();
  }

  /** Calls back at a time, in milliseconds since 1970. */
  #at(time: number, run: () => void): void {
    if (this.#isStopped) return;
    const left = Math.max(0, time - this.#parts.clock.now());
    const timer = this.#parts.clock.timer(Math.min(left, MAX_TIMER_MS), () => {
      this.#timers.delete(timer);
      if (left > MAX_TIMER_MS) this.#at(time, run);
      else run();
    });
    this.#timers.add(timer);
  }

  #close(): void {
    this.#window.close();
    this.#again?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}

/** States of an entry and of a command that tell no end. */
const UNDECIDED: ReadonlySet<string> = new Set([
  "waiting",
  "queued",
  "started",
  "sent",
  "running",
]);
