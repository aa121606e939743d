import { NONCE_BYTES } from "../../lib/wire/proof.ts";
import type { Random } from "../../lib/base/random.ts";
import type { Disk } from "../../lib/base/disk.ts";
import type { Journal, JournalEntry } from "../../lib/agent/journal/journal.ts";
import type {
  FoundJob,
  JobLimits,
  MovedEntry,
  NewJob,
  StartedEntries,
} from "../../lib/store/job_records.ts";
import type { Store } from "../../lib/store/store.ts";
import type { StoreMethod } from "../support/store_requests.ts";
import type { Body } from "../../lib/wire/message.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Known bugs that can be planted into the simulation. A simulation that does not find them is worth nothing. */
export const PLANTS = [
  "ack-before-fsync",
  "resume-off-by-one",
  "stale-hello",
  "list-before-settle",
  "unknown-not-acked",
  "id-reused",
  "begin-after-standstill",
  "begin-although-cancelled",
  "nonce-repeated",
  "impostor-believed",
  "survivor-repeated",
  "survivor-forgotten",
] as const;

/** Known bugs of jobs. */
export const JOB_PLANTS = [
  "window-too-wide",
  "failures-not-counted",
  "canary-ignored",
  "entry-not-marked",
  "entry-not-doubted",
  "end-not-recorded",
] as const;

/** Known bugs of jobs that show if the Manager dies in the middle of a large job. */
export const LARGE_JOB_PLANTS = [
  "window-too-wide",
  "failures-not-counted",
  "canary-ignored",
  "running-forgotten",
  "failures-forgotten",
  "canary-forgotten",
] as const;

export type Plant =
  | typeof PLANTS[number]
  | typeof JOB_PLANTS[number]
  | typeof LARGE_JOB_PLANTS[number];

/** Randomness of a Manager with the change of a planted bug. */
export function plantedRandom(
  plant: Plant | undefined,
  random: Random,
): Random {
  if (plant !== "nonce-repeated") return random;
  return {
    bytes: (length) =>
      length === NONCE_BYTES ? new Uint8Array(length) : random.bytes(length),
    fraction: () => random.fraction(),
  };
}

/** Request to the store with the change of a planted bug. */
export function plantedRequest(
  plant: Plant | undefined,
  method: StoreMethod,
  args: readonly unknown[],
): readonly unknown[] {
  const [first, second] = args;
  switch (`${plant} ${method}`) {
    case "id-reused admitAgent":
      return [first, { ...second as object, lastCommandId: 0n }];
    case "window-too-wide createJob":
      return [withLimits(first, { batch: undefined }), second];
    case "failures-not-counted createJob":
      return [withLimits(first, { maxFailures: undefined }), second];
    case "canary-ignored createJob":
      return [{ ...first as object, canaries: 0 }, second];
    case "entry-not-marked startEntries": {
      // The entry of a command stays as it was, as if the Manager had died between two writes.
      const entries = first as StartedEntries;
      return [{ ...entries, move: { ...entries.move, to: "waiting" } }];
    }
    case "entry-not-doubted admitAgent":
      return [first, { ...second as object, doubt: undefined }];
    case "end-not-recorded moveEntries": {
      const [, , which] = args as Parameters<Store["moveEntries"]>;
      return "limit" in which
        ? args
        : [first, second, { positions: [], left: which.positions }];
    }
    default:
      return args;
  }
}

/** Answer of the store with the change of a planted bug. */
export function plantedAnswer(
  plant: Plant | undefined,
  method: StoreMethod,
  { args, answer }: { args: readonly unknown[]; answer: unknown },
): unknown {
  switch (`${plant} ${method}`) {
    case "stale-hello agent":
      return typeof answer === "object" ? { ...answer, session: 0n } : answer;
    case "running-forgotten foundJobs":
      return (answer as FoundJob[]).map((job) => ({ ...job, commands: [] }));
    case "failures-forgotten foundJobs":
      return (answer as FoundJob[]).map((job) => ({
        ...job,
        counts: {
          ...job.counts,
          succeeded: job.counts.succeeded + job.counts.failed,
          failed: 0,
        },
      }));
    case "canary-forgotten foundJobs":
      return (answer as FoundJob[]).map((job) => ({
        ...job,
        record: { ...job.record, canaries: 0 },
      }));
    case "end-not-recorded moveEntries": {
      const [job, move, which] = args as Parameters<Store["moveEntries"]>;
      const left = "left" in which ? which.left as readonly number[] : [];
      return [
        ...answer as MovedEntry[],
        ...left.map((position) => ({
          job,
          position,
          from: "waiting",
          to: move.to,
        })),
      ];
    }
    default:
      return answer;
  }
}

function withLimits(job: unknown, changed: Partial<JobLimits>): unknown {
  const { limits, ...rest } = job as NewJob;
  return { ...rest, limits: { ...limits, ...changed } };
}

/** Disk whose syncs report success and do nothing. */
export function lyingDisk(disk: Disk): Disk {
  return {
    list: () => disk.list(),
    size: (name) => disk.size(name),
    read: (name, offset, length) => disk.read(name, offset, length),
    append: (name, bytes) => disk.append(name, bytes),
    sync: () => Promise.resolve(),
    replace: (name, bytes) => disk.replace(name, bytes),
    truncate: (name, size) => disk.truncate(name, size),
    remove: (name) => disk.remove(name),
  };
}

/** Change of the Manager's messages by a planted bug, if it makes one. `isKnown` is true for a command that was recorded. */
export function plantedChange(
  plant: Plant | undefined,
  isKnown: (commandId: bigint) => boolean,
): ((body: Body) => Body | undefined) | undefined {
  if (plant === "resume-off-by-one") return oneTooFar;
  if (plant === "begin-although-cancelled") return withoutCancelled;
  if (plant !== "unknown-not-acked") return undefined;
  return (body) =>
    body.case === "commandAck" && body.value.final &&
      !isKnown(body.value.commandId)
      ? undefined
      : body;
}

/** Asks for a resumed stream from one byte too far. */
function oneTooFar(body: Body): Body {
  if (body.case !== "serverHello") return body;
  for (const resume of body.value.resume) {
    if (resume.stdout > 0n) resume.stdout += 1n;
  }
  return body;
}

/** Leaves out which commands must not begin. */
function withoutCancelled(body: Body): Body {
  if (body.case === "serverHello") body.value.cancelled = [];
  return body;
}

/**
 * Journal that leaves out of the next hello a command that was being journaled when the connection ended, although it
 * is then started.
 */
export class HastyJournal {
  readonly #journal: Journal;
  readonly #time: VirtualTime;
  readonly #isConnected: () => boolean;
  readonly #unlisted = new Set<JournalEntry>();
  #lastListed = 0n;
  #isDialling = false;

  constructor(
    journal: Journal,
    time: VirtualTime,
    isConnected: () => boolean,
  ) {
    this.#journal = journal;
    this.#time = time;
    this.#isConnected = isConnected;
    this.#lastListed = journal.lastCommandId;
  }

  /** The journal as the agent sees it. */
  get journal(): Journal {
    return new Proxy(this.#journal, {
      get: (target, name) => {
        if (name === "accept") return this.#accept;
        if (name === "entries") return this.#entries;
        if (name === "nextSession") return this.#nextSession;
        if (name === "lastCommandId" && this.#isDialling) {
          return this.#unlisted.size > 0
            ? this.#lastListed
            : target.lastCommandId;
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }

  readonly #accept: Journal["accept"] = async (command) => {
    const before = this.#journal.lastCommandId;
    const entry = await this.#journal.accept(command);
    if (!this.#isConnected()) {
      if (this.#unlisted.size === 0) this.#lastListed = before;
      this.#unlisted.add(entry);
      this.#time.after(30_000, () => this.#unlisted.delete(entry));
    }
    return entry;
  };

  readonly #entries: Journal["entries"] = () =>
    this.#journal.entries().filter((entry) => !this.#unlisted.has(entry));

  /** Called shortly before the agent reads the highest id for its hello. */
  readonly #nextSession: Journal["nextSession"] = async () => {
    const session = await this.#journal.nextSession();
    this.#isDialling = true;
    this.#time.after(5_000, () => this.#isDialling = false);
    return session;
  };
}
