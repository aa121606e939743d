import type { AgentStore } from "./agent_store.ts";
import type { ApprovalStart } from "./approval_records.ts";
import type { ApprovalStore } from "./approval_store.ts";
import type { PlanStore } from "./plan_store.ts";
import type { BlobName } from "../base/blob.ts";
import type { EntryStateName } from "../base/job_state.ts";
import type { OperatorChange, OperatorRecord } from "./operator_records.ts";
import type { IssuerChange, IssuerRecord } from "./issuer_records.ts";
import type { NewAudit } from "./audit_records.ts";
import type { AuditStore } from "./audit_store.ts";
import type {
  Delivery,
  DeliveryChange,
  NewDelivery,
} from "./delivery_records.ts";
import type {
  EntryMove,
  EntryRecord,
  FoundJob,
  JobFilter,
  JobPatch,
  JobRecord,
  JobSetName,
  MovedEntry,
  NewJob,
  StartedEntries,
  UnstartedEntries,
} from "./job_records.ts";
import type { StreamName } from "./records.ts";
import type {
  BlobUse,
  CommandFilter,
  CommandPatch,
  CommandRecord,
  EventRecord,
  EventsAbout,
  HistoryPage,
  HistoryRange,
  NewCommand,
  NewEvent,
  OutputFigures,
  OutputHashes,
  OutputRange,
  StoredOutput,
  StoreStats,
} from "./records.ts";

/**
 * Permanent memory of the Manager. Asynchronous, with plain data in both directions, so that it can run in a worker.
 *
 * Every promise of a write resolves once the write would survive a power cut. Writes that are asked for together are
 * committed together, in the order of the calls. Each is done completely or, if it rejects, not at all.
 *
 * A write at the request of a user takes its entry in the audit. Both are recorded in one transaction; if nothing is changed,
 * there is no entry.
 */
export interface Store
  extends AgentStore, ApprovalStore, AuditStore, PlanStore, AsyncDisposable {
  /** Random id of this database, created with it. */
  readonly managerId: string;

  /**
   * Records all commands or none, and gives them ascending ids in the order given. If `requestId` was used before,
   * nothing is recorded, and the commands of the earlier request are returned with `repeated`. The commands name the
   * `blobs`.
   */
  createCommands(
    commands: readonly NewCommand[],
    request: { requestId: string; job: string; blobs?: readonly BlobName[] },
    audit?: NewAudit,
  ): Promise<{ job: string; commands: CommandRecord[]; repeated: boolean }>;
  /** Commands that an earlier request of this id started. */
  findRequest(
    requestId: string,
  ): Promise<{ job: string; commands: CommandRecord[] } | undefined>;
  /** @throws {PiriError} NOT_FOUND */
  patchCommand(patch: CommandPatch, audit?: NewAudit): Promise<void>;
  /** Command with this id. */
  command(id: bigint): Promise<CommandRecord | undefined>;
  /** Commands, newest first. */
  commands(filter: CommandFilter): Promise<CommandRecord[]>;
  /** Commands that have not ended, and those whose end is only presumed and happened after `presumedSince`. */
  openCommands(presumedSince: number): Promise<CommandRecord[]>;
  /** Operators with their tokens and rules, ordered by name. */
  operators(): Promise<OperatorRecord[]>;
  /**
   * Records a change of operators. Resolves to all operators as they are then.
   *
   * @throws {PiriError} ALREADY_EXISTS, NOT_FOUND; AUTH_FAILED for a code that cannot be traded, or a token of a CI that was taken before. Then nothing is changed.
   */
  changeOperators(
    change: OperatorChange,
    audit?: NewAudit,
  ): Promise<OperatorRecord[]>;
  /** Issuers of tokens of CI jobs, ordered by name. */
  issuers(): Promise<IssuerRecord[]>;
  /**
   * Records a change of issuers. Resolves to all issuers as they are then.
   *
   * @throws {PiriError} ALREADY_EXISTS, NOT_FOUND; FAILED_PRECONDITION for one that operators log in by. Then nothing is changed.
   */
  changeIssuers(
    change: IssuerChange,
    audit?: NewAudit,
  ): Promise<IssuerRecord[]>;
  /** Blobs that commands and jobs of the history name. */
  blobUses(): Promise<BlobUse[]>;
  /** Highest command id ever given. */
  lastCommandId(): Promise<bigint>;

  /**
   * Records a job with an entry for each agent, in the order of starting. If its request id was used before, nothing is
   * recorded, and the earlier job is returned with `repeated`.
   *
   * @param job The job.
   * @param entries Its agents, and the blobs that its parameters name; `gone` is the step of the entry of one that was removed meanwhile. Entries for the same
   * agents in the jobs of `supersedes` take the step `supersede`, in whose reason "%" stands for the new job.
   */
  createJob(
    job: NewJob,
    entries: {
      agents: readonly string[];
      blobs?: readonly BlobName[];
      gone: EntryMove;
      supersedes: readonly bigint[];
      supersede: EntryMove;
      /** The last approval that it needed: without it, there is no job. */
      approved?: ApprovalStart | undefined;
    },
    audit?: NewAudit,
    /** Entry for the approval. */
    approvalAudit?: NewAudit,
  ): Promise<{ job: JobRecord; moved: MovedEntry[]; repeated: boolean }>;
  /** Job with this id. */
  job(id: bigint): Promise<JobRecord | undefined>;
  /** Job that an earlier request of this id made. */
  jobOfRequest(requestId: string): Promise<JobRecord | undefined>;
  /** Jobs, newest first. */
  jobs(filter: JobFilter): Promise<JobRecord[]>;
  /** Jobs that have not ended. */
  foundJobs(): Promise<FoundJob[]>;
  /** Highest job id ever given. */
  lastJobId(): Promise<bigint>;
  /**
   * Changes a job, and adds what webhooks are to tell of that, in one write. Returns what it added.
   *
   * @throws {PiriError} NOT_FOUND
   */
  patchJob(
    patch: JobPatch,
    audit?: NewAudit,
    deliveries?: readonly NewDelivery[],
  ): Promise<Delivery[]>;
  /** Events that webhooks have yet to tell, by id, and all webhooks about which anything is kept. */
  deliveries(): Promise<{ hooks: string[]; deliveries: Delivery[] }>;
  /** Changes what webhooks have yet to tell. Returns what it added. */
  changeDeliveries(change: DeliveryChange): Promise<Delivery[]>;
  /** Counts the entries of an ended job once more, and records and returns the result. */
  recountJob(id: bigint): Promise<JobRecord | undefined>;
  /** Entries of a job, in the order of starting. */
  jobEntries(
    job: bigint,
    which:
      | { from: number; limit: number }
      | { positions: readonly number[] },
  ): Promise<EntryRecord[]>;
  /** Entries of a job in a state, from a position on. */
  unstartedEntries(
    job: bigint,
    state: EntryStateName,
    page: { from: number; limit: number },
  ): Promise<UnstartedEntries>;
  /** Entries of an agent in a state, in jobs that have not ended. */
  entriesOf(
    agent: string,
    state: EntryStateName,
  ): Promise<{ job: bigint; position: number }[]>;
  /**
   * Makes the commands of entries, recorded as sent, with ids that follow each other in the order given. Entries that are
   * in none of the states of the step get none: `missed` has their positions.
   *
   * @throws {PiriError} NOT_FOUND
   */
  startEntries(
    entries: StartedEntries,
  ): Promise<{ firstId: bigint; missed: number[] }>;
  /** Moves entries of a job: those at these positions, or a number of all. Returns those that were moved. */
  moveEntries(
    job: bigint,
    move: EntryMove,
    which: { positions: readonly number[] } | { limit: number },
  ): Promise<MovedEntry[]>;
  /**
   * Names of the agents of a job that are in a set, in the order of starting.
   *
   * @throws {PiriError} NOT_FOUND
   */
  jobAgents(job: bigint, set: JobSetName): Promise<string[]>;
  /** Records when the Manager began to stop; null once another one runs. */
  noteStopping(at: number | null): Promise<void>;
  /** Time at which the last Manager began to stop; null if it was not told. */
  stoppingAt(): Promise<number | null>;

  /** Stores a piece of output, and records that the stream is held up to `offset` + bytes. */
  appendOutput(
    commandId: bigint,
    piece: {
      stream: StreamName;
      offset: bigint;
      bytes: Uint8Array;
      /** Count of bytes just before `offset` that are lost for good. */
      cut: bigint;
      /** Time at which it came, in milliseconds since 1970. */
      at?: number;
      /** False if the bytes are only counted as held, and not stored. */
      keep: boolean;
      /** Bytes that it replaces, as for `dropOutput`. One piece drops about twice its size; the next ones drop the rest. */
      drop?: OutputRange | undefined;
    },
  ): Promise<OutputFigures>;
  /**
   * Deletes stored bytes of a stream, as a cut. Only whole pieces are deleted, so the piece that has the byte `below`
   * stays whole. A piece that has the byte before `from` is shortened.
   */
  dropOutput(
    commandId: bigint,
    range: OutputRange & { stream: StreamName },
    audit?: NewAudit,
  ): Promise<void>;
  /**
   * Stored pieces of the stream that end above `offset`, in order, up to about `limit` bytes. The first may begin below
   * it.
   */
  readOutput(
    commandId: bigint,
    range: { stream: StreamName; offset: bigint; limit: number },
  ): Promise<StoredOutput[]>;

  /**
   * Hashes of a command that has ended. Those that its agent did not tell are made of what is kept, and are recorded.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if the command has not ended.
   */
  hashKept(commandId: bigint): Promise<OutputHashes>;

  addEvent(event: NewEvent): Promise<EventRecord>;
  /** Replaces the text of an event. Does nothing if it was deleted since. */
  rewordEvent(id: bigint, message: string): Promise<void>;
  /** Newest events about a command, oldest first. */
  eventsAbout(range: EventsAbout): Promise<EventRecord[]>;
  /** All events in one order, those that the records of commands tell among them. */
  eventHistory(range: HistoryRange): Promise<HistoryPage>;

  /**
   * Deletes records older than `before`, and the output of the oldest ended commands until at most `outputBytes` are
   * left.
   */
  prune(
    keep: { before: number; outputBytes: bigint },
  ): Promise<{ commands: number; events: number; outputBytes: bigint }>;
  stats(): Promise<StoreStats>;
}
