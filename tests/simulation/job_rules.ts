import type { CommandStateName } from "../../lib/base/command_state.ts";
import type { EntryStateName } from "../../lib/base/job_state.ts";
import type {
  EntryMove,
  JobLimits,
  JobPatch,
  JobRecord,
  MovedEntry,
  Share,
  StartedEntries,
} from "../../lib/store/job_records.ts";
import type { CommandPatch } from "../../lib/store/records.ts";
import type { Store } from "../../lib/store/store.ts";
import type { StoreMethod } from "../support/store_requests.ts";
import { hex, type Truth } from "./truth.ts";

/** Longest time from a failure that is on the disk to the last start, in milliseconds: the Manager hears of it, and a slow commit. */
const LIMIT_MS = 10_000;

const OPEN: ReadonlySet<CommandStateName> = new Set([
  "queued",
  "sent",
  "running",
]);

/** Ends that the limit of failures counts, of commands and of entries. */
const FAILURES: ReadonlySet<string> = new Set([
  "failed",
  "timed_out",
  "lost",
  "refused",
  "unreachable",
  "expired",
]);

/** Ends of entries that say that they never ran. */
const WITHOUT_EFFECT: ReadonlySet<EntryStateName> = new Set([
  "unreachable",
  "expired",
  "skipped",
  "superseded",
  "refused",
]);

/** A command of an entry. */
interface EntryCommand {
  readonly job: FollowedJob;
  readonly position: number;
  readonly nonce: bigint;
  state: CommandStateName;
}

/** A job as the database has it. */
interface FollowedJob {
  readonly id: bigint;
  readonly requestId: string;
  readonly window: number;
  readonly maxFailures: number;
  /** Number of entries that must succeed before the others start; 0 for none. */
  readonly canaries: number;
  /** State of each entry, or that of its command. */
  readonly states: Map<number, EntryStateName | CommandStateName>;
  isPaused: boolean;
  endsAs: string | null;
  /** Number of commands that were open again after their end was recorded. */
  reopened: number;
  /** Time at which the failures reached their limit. */
  limitAt: number | undefined;
}

type Hello = Parameters<Store["admitAgent"]>[1];

/** Answer of a method, so that a change of its form is seen by the compiler. */
type Answer<M extends StoreMethod> = Awaited<ReturnType<Store[M]>>;

/** Rules of jobs, judged from what operators asked for, what is on the disk, and what programs did. */
export class JobRules {
  readonly #truth: Truth;
  readonly #now: () => number;
  /** Limits that operators asked for, by request. */
  readonly #asked = new Map<string, JobLimits>();
  readonly #jobs = new Map<bigint, FollowedJob>();
  readonly #commands = new Map<bigint, EntryCommand>();
  /** Entry of each command that ever was, by nonce: also those that a restored database has forgotten. */
  readonly #entryOf = new Map<bigint, string>();
  /** Command that an entry ran as. */
  readonly #ran = new Map<string, bigint>();
  /** Entries of which it was said that they never run. */
  readonly #denied = new Map<string, string>();
  readonly #mayRepeat: (nonce: bigint) => boolean;

  constructor(
    truth: Truth,
    { now, mayRepeat }: {
      now: () => number;
      /** True if the agent of a command and the Manager have both lost what they knew. */
      mayRepeat: (nonce: bigint) => boolean;
    },
  ) {
    this.#truth = truth;
    this.#now = now;
    this.#mayRepeat = mayRepeat;
  }

  /** Moments at which the failures on the disk reached the limits of jobs, by request. */
  get limitsAt(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#jobs.values()].flatMap(({ requestId, limitAt }) =>
        limitAt === undefined ? [] : [[requestId, limitAt] as const]
      ),
    );
  }

  /** Notes what an operator asks for. */
  asks(requestId: string, limits: JobLimits): void {
    this.#asked.set(requestId, limits);
  }

  /** Notes that a program begins. */
  begins(nonce: bigint): void {
    const entry = this.#entryOf.get(nonce);
    if (entry === undefined) return;
    const before = this.#ran.get(entry);
    this.#ran.set(entry, nonce);
    this.#truth.must(
      before === undefined || before === nonce || this.#mayRepeat(nonce),
      () => `${entry} runs twice: as ${hex(before ?? 0n)} and as ${hex(nonce)}`,
    );
    const denied = this.#denied.get(entry);
    this.#truth.must(
      denied === undefined || this.#mayRepeat(nonce),
      () => `${entry} runs, and it was said: ${denied}`,
    );
    const job = [...this.#commands.values()]
      .find((each) => each.nonce === nonce)?.job;
    if (job !== undefined) this.#checkRunning(job);
  }

  /** Notes a durable write with its answer. */
  wrote(
    method: StoreMethod,
    args: readonly unknown[],
    answer: unknown,
  ): void {
    const [first, second] = args;
    switch (method) {
      case "createJob": {
        const { job, moved } = answer as Awaited<
          ReturnType<Store["createJob"]>
        >;
        this.#know(job);
        return this.#moved(moved, "superseded");
      }
      case "startEntries":
        return this.#started(
          first as StartedEntries,
          answer as Answer<"startEntries">,
        );
      case "moveEntries":
        return this.#moved(
          answer as Answer<"moveEntries">,
          (second as EntryMove).reason,
        );
      case "patchJob":
        return this.#patched(first as JobPatch);
      case "patchCommand":
        return this.#commandPatched(first as CommandPatch);
      case "agentLeft":
        return (second as Hello).patches.forEach((patch) =>
          this.#commandPatched(patch)
        );
      case "admitAgent":
        return this.#agentChanged(
          second as Hello,
          (answer as Answer<"admitAgent">).moved,
        );
      case "revokeAgent":
        return this.#agentChanged(
          second as Hello,
          answer as Answer<"revokeAgent">,
        );
    }
  }

  /** Starts again with the content of a restored database. */
  async read(store: Store): Promise<void> {
    this.#jobs.clear();
    this.#commands.clear();
    // An end that the backup does not have is taken back (docs/reliability.md).
    this.#denied.clear();
    for (const record of await store.jobs({ limit: 1_000_000 })) {
      const job = this.#know(record);
      const entries = await store.jobEntries(job.id, { from: 0, limit: 1e6 });
      for (const { position, state, command } of entries) {
        job.states.set(position, command?.state ?? state);
        const full = command && await store.command(command.id);
        if (!full) continue;
        const { nonce } = full;
        this.#commands.set(full.id, {
          job,
          position,
          nonce,
          state: full.state,
        });
        this.#entryOf.set(nonce, nameOf(job, position));
      }
      this.#judge(job);
    }
  }

  /** Reason for which a job has not come to its end; empty if all have. */
  async openMatter(store: Store): Promise<string> {
    for (const { id, state } of await store.jobs({ limit: 1_000_000 })) {
      if (state === "running" || state === "paused") {
        return `job ${id} is ${state}`;
      }
    }
    return "";
  }

  /** Checks in the end that every target has an end, and that the counts are those of the entries. */
  async checkEnds(store: Store): Promise<void> {
    for (const job of await store.jobs({ limit: 1_000_000 })) {
      const entries = await store.jobEntries(job.id, { from: 0, limit: 1e6 });
      this.#truth.must(
        entries.length === job.total,
        () => `job ${job.id} has ${entries.length} of ${job.total} entries`,
      );
      let succeeded = 0;
      for (const { position, agent, state, command } of entries) {
        if (command?.state === "succeeded") succeeded++;
        this.#truth.must(
          state === "started"
            ? command !== null && !OPEN.has(command.state)
            : state !== "waiting" && state !== "queued",
          () =>
            `entry ${position} of job ${job.id} (${agent}) has no end: it is ${
              command?.state ?? state
            }`,
        );
      }
      this.#truth.must(
        job.counts.succeeded === succeeded,
        () =>
          `job ${job.id} tells that ${job.counts.succeeded} agents did it, and ${succeeded} did`,
      );
    }
  }

  #know(record: JobRecord): FollowedJob {
    const { id, requestId, total, state, endsAs } = record;
    const known = this.#jobs.get(id);
    if (known !== undefined) return known;
    const limits = this.#asked.get(requestId) ?? record.limits;
    const job: FollowedJob = {
      id,
      requestId,
      window: numberOf(limits.batch, total),
      maxFailures: numberOf(limits.maxFailures, total),
      canaries: limits.canary === undefined ? 0 : record.canaries || 1,
      states: new Map(),
      isPaused: state === "paused",
      endsAs,
      reopened: 0,
      limitAt: undefined,
    };
    this.#jobs.set(id, job);
    return job;
  }

  #started(
    { job: id, positions, nonces }: StartedEntries,
    { firstId, missed }: { firstId: bigint; missed: readonly number[] },
  ): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    let command = firstId;
    positions.forEach((position, index) => {
      if (missed.includes(position)) return;
      const nonce = nonces[index] ?? 0n;
      this.#checkStart(job, position);
      job.states.set(position, "sent");
      this.#commands.set(command++, { job, position, nonce, state: "sent" });
      this.#entryOf.set(nonce, nameOf(job, position));
    });
    const open = this.#of(job).filter(({ state }) => OPEN.has(state)).length;
    this.#truth.must(
      open <= job.window + job.reopened,
      () =>
        `${open} commands of job ${id} are under way, and its window has ${job.window} places`,
    );
  }

  #checkStart(job: FollowedJob, position: number): void {
    const what = nameOf(job, position);
    const { endsAs, isPaused, canaries, limitAt } = job;
    this.#truth.must(
      endsAs === null && !isPaused,
      () => `${what} starts, and its job is ${endsAs ?? "paused"}`,
    );
    this.#truth.must(
      limitAt === undefined || this.#now() - limitAt < LIMIT_MS,
      () =>
        `${what} starts, although ${
          this.#failuresOf(job)
        } have failed: the limit is ${job.maxFailures}`,
    );
    const canary = Array.from({ length: canaries }, (_, at) => at)
      .find((at) => job.states.get(at) !== "succeeded");
    this.#truth.must(
      position < canaries || canary === undefined,
      () => `${what} starts before entry ${canary}, which comes first`,
    );
  }

  /** Checks the hosts: no more programs of a job run than its window has places, as far as the Manager can know. */
  #checkRunning(job: FollowedJob): void {
    const running = this.#of(job).filter(({ nonce, state }) =>
      OPEN.has(state) && this.#truth.fate(nonce).lives
    );
    this.#truth.must(
      running.length <= job.window + job.reopened,
      () =>
        `${running.length} programs of job ${job.id} run on hosts, and its window has ${job.window} places`,
    );
  }

  /** Judges what a write about an agent did to its commands and entries. */
  #agentChanged({ patches }: Hello, moved: readonly MovedEntry[]): void {
    for (const patch of patches) this.#commandPatched(patch);
    this.#moved(moved, "may have run");
  }

  #moved(moved: readonly MovedEntry[], reason: string): void {
    for (const { job: id, position, to } of moved) {
      const job = this.#jobs.get(id);
      if (job === undefined) continue;
      job.states.set(position, to);
      this.#judge(job);
      if (!WITHOUT_EFFECT.has(to) || /may have run/.test(reason)) continue;
      const entry = nameOf(job, position);
      const ran = this.#ran.get(entry);
      this.#truth.must(
        ran === undefined || this.#mayRepeat(ran),
        () => `${entry} has run, and now it is said: ${to}, ${reason}`,
      );
      this.#denied.set(entry, `${to}, ${reason}`);
    }
  }

  #patched({ id, state, endsAs }: JobPatch): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    if (state !== undefined) job.isPaused = state === "paused";
    if (endsAs !== undefined) job.endsAs = endsAs;
  }

  #commandPatched({ id, state }: CommandPatch): void {
    const command = this.#commands.get(id);
    if (command === undefined || state === undefined) return;
    const { job, position } = command;
    if (!OPEN.has(command.state) && OPEN.has(state)) job.reopened++;
    command.state = state;
    job.states.set(position, state);
    this.#judge(job);
  }

  #judge(job: FollowedJob): void {
    if (this.#failuresOf(job) < job.maxFailures) job.limitAt = undefined;
    else job.limitAt ??= this.#now();
  }

  #failuresOf({ states }: FollowedJob): number {
    return [...states.values()].filter((state) => FAILURES.has(state)).length;
  }

  #of(job: FollowedJob): EntryCommand[] {
    return [...this.#commands.values()].filter((each) => each.job === job);
  }
}

/** Number that a share comes to; Infinity without one. */
function numberOf(share: Share | undefined, total: number): number {
  if (share === undefined) return Infinity;
  return Math.max(
    1,
    "count" in share
      ? share.count
      : Math.ceil(total * share.percent / 100 - 1e-9),
  );
}

/** Name of an entry. Ids of jobs repeat after a restore, requests do not. */
function nameOf({ requestId }: FollowedJob, position: number): string {
  return `entry ${position} of "${requestId}"`;
}
