import { type Clock, sleep } from "../../base/clock.ts";
import { isOpenState } from "../../base/command_state.ts";
import { isOpenJob } from "../../base/job_state.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { EntryView, JobNews, JobView } from "../api/job_api.ts";
import type { WatchEvent } from "../api/operator_api.ts";
import {
  CommandWatches,
  type WatchSource,
  type WatchStart,
} from "../watching/watch.ts";
import type { ActiveJob } from "./active_job.ts";
import { runningView } from "./entry_views.ts";
import type { JobListener } from "./job_listeners.ts";

/** Shortest time between two rounds of changes, in milliseconds. The end of the job does not wait. */
const ROUND_MS = 100;

/** Most entries of one message. */
const CHUNK = 500;

/** Most commands whose records wait in memory for a watcher. The others are read again. */
const MAX_RECORDS = 2_000;

/** Access of a watch to jobs. */
export interface JobWatchSource {
  readonly store: Store;
  readonly clock: Clock;
  readonly commands: WatchSource;
  /** Job that has not ended. */
  active(id: bigint): ActiveJob | undefined;
  /** Job as people see it. Rejects with NOT_FOUND. */
  view(id: bigint): Promise<JobView>;
  /** Entries as people see them. */
  entries(
    id: bigint,
    which:
      | { readonly from: number; readonly limit: number }
      | { readonly positions: readonly number[] },
  ): Promise<EntryView[]>;
  /** Entry of a command as people see it. */
  entryOf(position: number, canary: boolean, command: CommandRecord): EntryView;
}

/** Follows a job until it has ended: the job, all its entries, and what changes. */
export async function* watchJob(
  source: JobWatchSource,
  id: bigint,
  { output, from, signal }: {
    readonly output: boolean;
    readonly from: readonly WatchStart[];
    readonly signal: AbortSignal;
  },
): AsyncGenerator<JobNews> {
  using watch = new JobWatch(source, id, { output, from });
  const abort = () => watch.wake();
  signal.addEventListener("abort", abort, { once: true });
  try {
    yield* watch.first(signal);
    while (!signal.aborted && !watch.isOver) {
      yield* watch.round(signal);
      if (!watch.isOver) await watch.news(signal);
    }
    if (!signal.aborted) yield { job: await source.view(id) };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Progress of a watcher on one job. */
class JobWatch implements JobListener, Disposable {
  readonly #source: JobWatchSource;
  readonly #id: bigint;
  readonly #job: ActiveJob | undefined;
  readonly #watches: CommandWatches;
  readonly #hasOutput: boolean;
  readonly #offsets: ReadonlyMap<bigint, WatchStart>;
  readonly #listening: Disposable | undefined;
  /** Entries that have changed; with a record, the one to tell. */
  readonly #dirty = new Map<number, CommandRecord | undefined>();
  /** Positions of the commands whose output is told. */
  readonly #followed = new Map<bigint, number>();
  /** Positions of followed commands that the watcher has not heard of yet: it cannot tell whose output it gets. */
  readonly #unknown = new Map<bigint, number>();
  /** Commands that were followed to their end, by position, with the offsets up to which they were told. */
  readonly #told = new Map<number, WatchStart>();
  /** Positions of commands whose output is told no longer: the watcher was too slow. */
  readonly #plain = new Set<number>();
  #isComplete = false;
  #hasChanged = false;
  #toldAt = -Infinity;
  #news = Promise.withResolvers<void>();

  constructor(
    source: JobWatchSource,
    id: bigint,
    { output, from }: {
      readonly output: boolean;
      readonly from: readonly WatchStart[];
    },
  ) {
    this.#source = source;
    this.#id = id;
    this.#job = source.active(id);
    this.#offsets = new Map(from.map((start) => [start.id, start]));
    this.#hasOutput = output;
    // Without output, it tells of the database only.
    this.#watches = new CommandWatches(source.commands, () => this.wake());
    this.#listening = this.#job?.listen(this);
  }

  /** True once the job has ended and all was told. */
  get isOver(): boolean {
    return this.#hasEnded && this.#isComplete && this.#dirty.size === 0 &&
      this.#watches.isEmpty;
  }

  get #hasEnded(): boolean {
    return this.#job === undefined || !isOpenJob(this.#job.record.state);
  }

  wake(): void {
    this.#news.resolve();
  }

  changed(): void {
    this.#hasChanged = true;
    this.wake();
  }

  entry(position: number, command?: CommandRecord): void {
    if (command === undefined || !this.#hasOutput) {
      return this.#note(position, command);
    }
    const { id, state } = command;
    // The watch of its output tells it.
    if (this.#followed.has(id)) return;
    if (this.#plain.has(position)) return this.#note(position, command);
    const told = this.#told.get(position);
    if (told === undefined) return this.#follow(position, id);
    const hasMore = command.stdoutHeld > told.stdoutOffset ||
      command.stderrHeld > told.stderrOffset;
    if (!isOpenState(state) && !hasMore) return this.#note(position, command);
    // Its end was only presumed, and its output goes on.
    this.#told.delete(position);
    this.#follow(position, id, told);
  }

  #note(position: number, command?: CommandRecord): void {
    const isMuch = this.#dirty.size >= MAX_RECORDS;
    this.#dirty.set(position, isMuch ? undefined : command);
    this.wake();
  }

  /** Waits for news, and for the next round. */
  async news(signal: AbortSignal): Promise<void> {
    // Changes left from the last round need no further news.
    const isLeft = this.#dirty.size > 0 || this.#hasChanged;
    if (!isLeft) await this.#news.promise;
    this.#news = Promise.withResolvers<void>();
    while (!this.#isDue && !this.#watches.hasNews && !signal.aborted) {
      const late = new AbortController();
      await Promise.race([
        this.#news.promise,
        sleep(this.#source.clock, this.#leftMs, late.signal),
      ]);
      late.abort();
      this.#news = Promise.withResolvers<void>();
    }
  }

  /** Time until the next round, in milliseconds. */
  get #leftMs(): number {
    return this.#toldAt + ROUND_MS - this.#source.clock.monotonic();
  }

  get #isDue(): boolean {
    return this.#leftMs <= 0 || this.#hasEnded || !this.#isComplete;
  }

  /** Yields the job and all entries that need not wait for output. */
  async *first(signal: AbortSignal): AsyncGenerator<JobNews> {
    yield { job: await this.#source.view(this.#id) };
    for (let from = 0; !signal.aborted; from += CHUNK) {
      // Changes that are known are on the disk, and read now.
      for (let each = from; each < from + CHUNK; each++) {
        this.#dirty.delete(each);
      }
      const page = { from, limit: CHUNK };
      const entries = await this.#source.entries(this.#id, page);
      const told = entries.filter(({ position, command }) => {
        if (!this.#hasOutput || command === null) return true;
        if (!this.#followed.has(command.id)) this.#follow(position, command.id);
        return false;
      });
      if (told.length > 0) yield { entries: told };
      if (entries.length < CHUNK) break;
    }
    this.#toldAt = this.#source.clock.monotonic();
  }

  #follow(position: number, id: bigint, start?: WatchStart): void {
    this.#followed.set(id, position);
    this.#unknown.set(id, position);
    this.#watches.add(
      start ?? this.#offsets.get(id) ??
        { id, stdoutOffset: 0n, stderrOffset: 0n },
    );
  }

  /** Yields what has changed. */
  async *round(signal: AbortSignal): AsyncGenerator<JobNews> {
    yield* this.#commandNews(signal);
    if (!this.#isDue) return;
    const isNews = this.#dirty.size > 0 || this.#hasChanged;
    if (isNews) this.#toldAt = this.#source.clock.monotonic();
    while (this.#dirty.size > 0 && !signal.aborted) {
      yield { entries: await this.#takeDirty() };
    }
    if (this.#hasChanged && !this.#hasEnded) {
      this.#hasChanged = false;
      yield { job: await this.#source.view(this.#id) };
    }
    if (this.#unknown.size === 0 && !this.#isComplete) {
      this.#isComplete = true;
      yield { complete: true };
    }
  }

  /** Yields the output of commands, and their entries. */
  async *#commandNews(signal: AbortSignal): AsyncGenerator<JobNews> {
    for await (const event of this.#watches.news(signal)) {
      if (event.kind === "command") this.#tellLater(event);
      else {
        if (event.kind !== "storage") yield* this.#introduce(event.commandId);
        yield { event };
        if (event.kind === "cutOff") this.#unfollow(event.commandId);
      }
      if (this.#dirty.size >= CHUNK) yield { entries: await this.#takeDirty() };
    }
  }

  /** Yields the entry of a command before its first output. One that has ended is shown as it ran: its end comes later. */
  async *#introduce(id: bigint): AsyncGenerator<JobNews> {
    const position = this.#unknown.get(id);
    if (position === undefined) return;
    const record = this.#dirty.get(position);
    if (record !== undefined && !isOpenState(record.state)) {
      this.#unknown.delete(id);
      yield { entries: [this.#viewOf(position, runningView(record))] };
    }
    while (this.#unknown.has(id) && this.#dirty.size > 0) {
      yield { entries: await this.#takeDirty() };
    }
  }

  /** Notes the state of a followed command, to be told with the next entries. */
  #tellLater({ command }: Extract<WatchEvent, { kind: "command" }>): void {
    const position = this.#followed.get(command.id);
    if (position === undefined) return;
    this.#dirty.set(position, command);
    if (isOpenState(command.state)) return;
    const { id, stdoutHeld, stderrHeld } = command;
    this.#followed.delete(id);
    this.#told.set(position, {
      id,
      stdoutOffset: stdoutHeld,
      stderrOffset: stderrHeld,
    });
  }

  /** Tells the entry of a command without its output from now on. */
  #unfollow(id: bigint): void {
    const position = this.#followed.get(id);
    if (position === undefined) return;
    this.#followed.delete(id);
    this.#plain.add(position);
    this.#dirty.set(position, undefined);
  }

  async #takeDirty(): Promise<EntryView[]> {
    const taken: [number, CommandRecord | undefined][] = [];
    for (const each of this.#dirty) {
      if (taken.push(each) === CHUNK) break;
    }
    for (const [position] of taken) this.#dirty.delete(position);
    const views = taken.flatMap(([position, command]) =>
      command === undefined ? [] : [this.#viewOf(position, command)]
    );
    const positions = taken.flatMap(([position, command]) =>
      command === undefined ? [position] : []
    );
    const read = positions.length === 0
      ? []
      : await this.#source.entries(this.#id, { positions });
    const all = [...views, ...read];
    for (const { command } of all) {
      if (command !== null) this.#unknown.delete(command.id);
    }
    return all.sort((a, b) => a.position - b.position);
  }

  #viewOf(position: number, command: CommandRecord): EntryView {
    const { canaries = 0 } = this.#job?.record ?? {};
    return this.#source.entryOf(position, position < canaries, command);
  }

  [Symbol.dispose](): void {
    this.#listening?.[Symbol.dispose]();
    this.#watches[Symbol.dispose]();
  }
}
