import type { Approvals } from "./approvals.ts";
import type { BlobRefs } from "./blob_refs.ts";
import { countOf, type JobCounts, noCounts } from "../base/job_counts.ts";
import type { Commands } from "./commands.ts";
import type { Database } from "./database.ts";
import { Entries } from "./entries.ts";
import type {
  EntryMove,
  EntryRecord,
  FoundJob,
  JobRecord,
  MovedEntry,
  StartedEntries,
  UnstartedEntries,
} from "./job_records.ts";
import { Jobs } from "./jobs.ts";
import type { SentIds } from "./sent_ids.ts";
import type { Store } from "./store.ts";
import type { StoreArgs as Args } from "./store_args.ts";

/** Jobs and their entries together: each method is one write or read of the Store. */
export class JobTables {
  readonly jobs: Jobs;
  readonly #entries: Entries;
  readonly #commands: Commands;
  readonly #sent: SentIds;
  readonly #blobs: BlobRefs;
  readonly #approvals: Approvals;

  constructor(
    db: Database,
    { commands, approvals, sent, blobs }: {
      commands: Commands;
      approvals: Approvals;
      sent: SentIds;
      blobs: BlobRefs;
    },
  ) {
    this.jobs = new Jobs(db);
    this.#blobs = blobs;
    this.#approvals = approvals;
    this.#entries = new Entries(db);
    this.#commands = commands;
    this.#sent = sent;
  }

  create(
    ...[job, { agents, blobs = [], gone, supersedes, supersede, approved }]:
      Args<
        "createJob"
      >
  ): Awaited<ReturnType<Store["createJob"]>> {
    const earlier = this.jobs.ofRequest(job.requestId);
    if (earlier !== undefined) {
      return { job: earlier, moved: [], repeated: true };
    }
    const made = this.jobs.add(job, agents.length);
    const { id } = made;
    if (approved !== undefined) this.#approvals.start(approved, id);
    this.#blobs.addToJob(id, blobs);
    const left = this.#entries.add(id, agents, {
      canaries: job.canaries,
      at: job.createdAt,
      gone,
    });
    const reason = supersede.reason.replaceAll("%", `j-${id}`);
    const moved = supersedes.flatMap((old) =>
      this.#entries.supersede(old, id, { ...supersede, reason })
    );
    const counts = {
      ...noCounts(made.total),
      waiting: made.total - left,
      [countOf(gone.to, null)]: left,
    };
    if (left > 0) this.jobs.patch({ id, counts });
    return { job: { ...made, counts }, moved, repeated: false };
  }

  found(): FoundJob[] {
    return this.jobs.open().map((record) => {
      const { id } = record;
      const counts = this.#count(record);
      const cursor = this.#entries.first(id, "waiting") ?? record.total;
      const commands = this.#entries.openCommands(id);
      return { record, counts, cursor, commands };
    });
  }

  entries(...[job, which]: Args<"jobEntries">): EntryRecord[] {
    return "positions" in which
      ? this.#entries.at(job, which.positions)
      : this.#entries.list(job, which.from, which.limit);
  }

  unstarted(...[job, state, page]: Args<"unstartedEntries">): UnstartedEntries {
    return this.#entries.inState(job, state, page);
  }

  ofAgent(
    ...[agent, state]: Args<"entriesOf">
  ): { job: bigint; position: number }[] {
    return this.#entries.ofAgent(agent, state);
  }

  move(...[job, move, which]: Args<"moveEntries">): MovedEntry[] {
    return this.#entries.move(job, move, which);
  }

  moveAgent(agent: string, move: EntryMove): MovedEntry[] {
    return this.#entries.moveAgent(agent, move);
  }

  moveDoubtful(
    agent: string,
    { lastCommandId, instance, doubt: { lastJob, move } }: {
      lastCommandId: bigint;
      instance: string;
      doubt: { lastJob: bigint; move: EntryMove };
    },
  ): MovedEntry[] {
    const isAhead = lastCommandId > this.#sent.of(agent);
    return this.#entries.moveDoubtful(agent, move, {
      lastJob,
      instance,
      isAhead,
    });
  }

  /** Notes the id that an agent accepted last: from now on it counts as sent, and casts no doubt on later entries. */
  noteAccepted(agent: string, id: bigint): void {
    if (id > this.#sent.of(agent)) this.#sent.note(agent, id);
  }

  agents(...[job, set]: Args<"jobAgents">): string[] {
    this.jobs.require("find", job);
    return this.#entries.agentsOf(job, set);
  }

  /** Makes the commands of entries, in their order, with ids that follow each other. */
  start(
    { job, move, positions, agents, instances, sessions, nonces }:
      StartedEntries,
  ): { firstId: bigint; missed: number[] } {
    const { operation, params, timeoutMs, onDisconnect, killAfterMs, ...made } =
      this.jobs.require("start entries of", job);
    const { requestedBy, saidBy, survive } = made;
    const firstId = this.#commands.lastId() + 1n;
    const started = this.#entries.start(job, positions, { firstId, move });
    const commands = started.map((index) => ({
      agent: agents[index] ?? "",
      operation,
      params,
      nonce: nonces[index] ?? 0n,
      job: `j-${job}`,
      requestedBy,
      saidBy,
      timeoutMs,
      onDisconnect,
      killAfterMs,
      survive,
      state: "sent" as const,
      instance: instances[index] ?? "",
      session: sessions[index] ?? 0n,
      createdAt: move.at,
      sentAt: move.at,
      rerunOf: null,
    }));
    this.#commands.addAll(firstId, commands);
    if (commands.length > 0) {
      this.#commands.noteRequest({
        requestId: `:j-${job}/${firstId}`,
        job: `j-${job}`,
        firstId,
        lastId: firstId + BigInt(commands.length) - 1n,
        createdAt: move.at,
      });
    }
    const taken = new Set(started);
    const missed = positions.filter((_, index) => !taken.has(index));
    return { firstId, missed };
  }

  /** Counts the entries of a job that has ended once more, and records the counts. */
  recount(id: bigint): JobRecord | undefined {
    const job = this.jobs.get(id);
    if (job === undefined) return undefined;
    const rows = this.#entries.count(id);
    const isWhole = rows.every(({ entry, command }) =>
      entry !== "started" || command !== null
    );
    if (!isWhole) return job;
    const counts = this.#count(job);
    this.jobs.patch({ id, counts });
    return { ...job, counts };
  }

  #count({ id, total }: JobRecord): JobCounts {
    const counts: Record<keyof JobCounts, number> = { ...noCounts(total) };
    for (const { entry, command, count } of this.#entries.count(id)) {
      counts[countOf(entry, command)] += count;
    }
    return counts;
  }
}
