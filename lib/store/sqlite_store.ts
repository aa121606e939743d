import { ActWriter } from "./act_writer.ts";
import { Agents } from "./agents.ts";
import { Audit } from "./audit.ts";
import type { AuditCheck, AuditPage, NewAudit } from "./audit_records.ts";
import { BlobRefs } from "./blob_refs.ts";
import { commandNotFound, Commands } from "./commands.ts";
import type { Database } from "./database.ts";
import { EventHistory } from "./event_history.ts";
import { Events } from "./events.ts";
import type {
  EntryRecord,
  FoundJob,
  JobRecord,
  MovedEntry,
  UnstartedEntries,
} from "./job_records.ts";
import { JobTables } from "./job_tables.ts";
import { hashKept } from "./kept_hash.ts";
import type { Meta } from "./meta.ts";
import type { OperatorRecord } from "./operator_records.ts";
import { Operators } from "./operators.ts";
import { Output } from "./output.ts";
import type {
  AgentRecord,
  BlobUse,
  CommandFilter,
  CommandPatch,
  CommandRecord,
  EventRecord,
  HistoryPage,
  NewEvent,
  OutputFigures,
  OutputHashes,
  StoredOutput,
  StoreStats,
} from "./records.ts";
import { Requests } from "./requests.ts";
import { type Pruned, Retention } from "./retention.ts";
import { SentIds } from "./sent_ids.ts";
import type { Store } from "./store.ts";
import { changedText, madeText, startedText } from "./audit_outcome.ts";
import { Tombstones } from "./tombstones.ts";
import { Writer } from "./writer.ts";

/** Arguments of a method of the Store. */
type Args<K extends keyof Store> = Store[K] extends
  (...args: infer A) => unknown ? A : never;

/** Store on an SQLite database. Says which tables each request uses, in one write or read. */
export class SqliteStore implements Store {
  readonly managerId: string;
  readonly #db: Database;
  readonly #writer: Writer;
  readonly #meta: Meta;
  readonly #agents: Agents;
  readonly #tombstones: Tombstones;
  readonly #commands: Commands;
  readonly #blobs: BlobRefs;
  readonly #operators: Operators;
  readonly #sent: SentIds;
  readonly #jobs: JobTables;
  readonly #output: Output;
  readonly #acts: ActWriter;
  readonly #audit: Audit;
  readonly #events: Events;
  readonly #history: EventHistory;
  readonly #retention: Retention;
  readonly #resources: Disposable;

  /** Takes over `resources`, the database among them: they are released together with the store. */
  constructor(db: Database, meta: Meta, resources: Disposable) {
    const writer = new Writer(db);
    const requests = new Requests(db);
    const sent = new SentIds(db);
    const output = new Output(db, meta);
    const events = new Events(db);
    const tombstones = new Tombstones(db);
    this.managerId = meta.managerId;
    this.#db = db;
    this.#writer = writer;
    this.#meta = meta;
    this.#agents = new Agents(db);
    this.#tombstones = tombstones;
    this.#blobs = new BlobRefs(db);
    this.#operators = new Operators(db);
    this.#sent = sent;
    this.#commands = new Commands(db, {
      requests,
      sent,
      meta,
      blobs: this.#blobs,
    });
    this.#jobs = new JobTables(db, {
      commands: this.#commands,
      sent,
      blobs: this.#blobs,
    });
    const { jobs } = this.#jobs;
    this.#output = output;
    this.#audit = new Audit(db, meta);
    this.#acts = new ActWriter(writer, this.#audit);
    this.#events = events;
    this.#history = new EventHistory(db);
    const history = { requests, output, events, tombstones };
    const tables = { db, meta, jobs, ...history };
    this.#retention = new Retention(tables, writer);
    this.#resources = resources;
  }

  agents(): Promise<AgentRecord[]> {
    return this.#writer.read(() => this.#agents.all());
  }

  agent(id: string): Promise<AgentRecord | undefined> {
    return this.#writer.read(() => this.#agents.get(id));
  }

  addAgent(...[agent, audit]: Args<"addAgent">): Promise<void> {
    return this.#acts.write(audit, () => this.#agents.add(agent));
  }

  setToken(...[id, token, audit]: Args<"setToken">): Promise<void> {
    return this.#acts.write(audit, () => this.#agents.setToken(id, token));
  }

  setAgents(
    ...[ids, change, audit]: Args<"setAgents">
  ): Promise<AgentRecord[]> {
    return this.#acts.write(audit, () => this.#agents.set(ids, change), {
      size: { rows: ids.length, bytes: 0 },
      outcome: changedText,
    });
  }

  setHostFacts(...[id, facts]: Args<"setHostFacts">): Promise<void> {
    return this.#writer.write(() => this.#agents.setHostFacts(id, facts));
  }

  enrolAgent(...[id, use]: Args<"enrolAgent">): Promise<AgentRecord> {
    return this.#writer.write(() => this.#agents.enrol(id, use));
  }

  removeAgent(
    ...[id, { at, patches, entries }, audit]: Args<"removeAgent">
  ): Promise<MovedEntry[]> {
    return this.#acts.write(audit, () => {
      const { secretHash } = this.#agents.remove(id);
      if (secretHash !== null) this.#tombstones.add(id, secretHash, at);
      this.#sent.forget(id);
      this.#patchAll(patches);
      return entries === undefined ? [] : this.#jobs.moveAgent(id, entries);
    }, { size: { rows: 2 + patches.length, bytes: 0 } });
  }

  removedAt(
    ...[id, secretHash]: Args<"removedAt">
  ): Promise<number | undefined> {
    return this.#writer.read(() => this.#tombstones.find(id, secretHash));
  }

  admitAgent(...[id, hello]: Args<"admitAgent">): Promise<MovedEntry[]> {
    const { doubt } = hello;
    return this.#writer.write(() => {
      // Before the patches, which may record commands of this hello as sent.
      const moved = doubt === undefined
        ? []
        : this.#jobs.moveDoubtful(id, { ...hello, doubt });
      this.#agents.admit(id, hello);
      this.#commands.raiseLastId(hello.lastCommandId);
      this.#patchAll(hello.patches);
      this.#jobs.noteAccepted(id, hello.lastCommandId);
      return moved;
    }, { rows: 1 + hello.patches.length, bytes: 0 });
  }

  agentLeft(...[id, { at, patches }]: Args<"agentLeft">): Promise<void> {
    return this.#writer.write(() => {
      this.#agents.left(id, at);
      this.#patchAll(patches);
    }, { rows: 1 + patches.length, bytes: 0 });
  }

  createCommands(
    ...[commands, request, audit]: Args<"createCommands">
  ): Promise<{ job: string; commands: CommandRecord[]; repeated: boolean }> {
    const bytes = commands.reduce((sum, { params }) => sum + params.length, 0);
    const rows = commands.length * (1 + (request.blobs?.length ?? 0));
    return this.#acts.write(
      audit,
      () => this.#commands.create(commands, request),
      {
        size: { rows, bytes },
        outcome: startedText,
      },
    );
  }

  findRequest(
    requestId: string,
  ): Promise<{ job: string; commands: CommandRecord[] } | undefined> {
    return this.#writer.read(() => this.#commands.startedBy(requestId));
  }

  patchCommand(...[patch, audit]: Args<"patchCommand">): Promise<void> {
    return this.#acts.write(audit, () => {
      if (!this.#commands.patch(patch)) {
        throw commandNotFound("change", patch.id);
      }
    }, { size: { rows: 1, bytes: patch.data?.length ?? 0 } });
  }

  command(id: bigint): Promise<CommandRecord | undefined> {
    return this.#writer.read(() => this.#commands.get(id));
  }

  commands(filter: CommandFilter): Promise<CommandRecord[]> {
    return this.#writer.read(() => this.#commands.list(filter));
  }

  openCommands(presumedSince: number): Promise<CommandRecord[]> {
    return this.#writer.read(() => this.#commands.open(presumedSince));
  }

  operators(): Promise<OperatorRecord[]> {
    return this.#writer.read(() => this.#operators.all());
  }

  changeOperators(
    ...[change, audit]: Args<"changeOperators">
  ): Promise<OperatorRecord[]> {
    return this.#acts.write(audit, () => {
      this.#operators.change(change);
      return this.#operators.all();
    });
  }

  blobUses(): Promise<BlobUse[]> {
    return this.#writer.read(() => this.#blobs.uses());
  }

  lastCommandId(): Promise<bigint> {
    return this.#writer.read(() => this.#commands.lastId());
  }

  createJob(
    ...[job, entries, audit]: Args<"createJob">
  ): ReturnType<Store["createJob"]> {
    return this.#acts.write(audit, () => this.#jobs.create(job, entries), {
      size: { rows: entries.agents.length, bytes: job.params.length },
      outcome: madeText,
    });
  }

  job(id: bigint): Promise<JobRecord | undefined> {
    return this.#writer.read(() => this.#jobs.jobs.get(id));
  }

  jobOfRequest(requestId: string): Promise<JobRecord | undefined> {
    return this.#writer.read(() => this.#jobs.jobs.ofRequest(requestId));
  }

  jobs(...[filter]: Args<"jobs">): Promise<JobRecord[]> {
    return this.#writer.read(() => this.#jobs.jobs.list(filter));
  }

  foundJobs(): Promise<FoundJob[]> {
    return this.#writer.read(() => this.#jobs.found());
  }

  lastJobId(): Promise<bigint> {
    return this.#writer.read(() => this.#jobs.jobs.lastId());
  }

  patchJob(...[patch, audit]: Args<"patchJob">): Promise<void> {
    return this.#acts.write(audit, () => this.#jobs.jobs.patch(patch));
  }

  recountJob(id: bigint): Promise<JobRecord | undefined> {
    return this.#writer.write(() => this.#jobs.recount(id));
  }

  jobEntries(...args: Args<"jobEntries">): Promise<EntryRecord[]> {
    return this.#writer.read(() => this.#jobs.entries(...args));
  }

  unstartedEntries(
    ...args: Args<"unstartedEntries">
  ): Promise<UnstartedEntries> {
    return this.#writer.read(() => this.#jobs.unstarted(...args));
  }

  entriesOf(...args: Args<"entriesOf">): ReturnType<Store["entriesOf"]> {
    return this.#writer.read(() => this.#jobs.ofAgent(...args));
  }

  startEntries(
    ...[entries]: Args<"startEntries">
  ): ReturnType<Store["startEntries"]> {
    return this.#writer.write(() => this.#jobs.start(entries), {
      rows: 2 * entries.positions.length,
      bytes: 0,
    });
  }

  moveEntries(...args: Args<"moveEntries">): Promise<MovedEntry[]> {
    const [, , which] = args;
    const rows = "limit" in which ? which.limit : which.positions.length;
    return this.#writer.write(() => this.#jobs.move(...args), {
      rows,
      bytes: 0,
    });
  }

  jobAgents(...args: Args<"jobAgents">): Promise<string[]> {
    return this.#writer.read(() => this.#jobs.agents(...args));
  }

  noteStopping(at: number | null): Promise<void> {
    return this.#writer.write(() => this.#meta.noteStopping(at));
  }

  stoppingAt(): Promise<number | null> {
    return this.#writer.read(() => this.#meta.stoppingAt());
  }

  appendOutput(
    ...[commandId, piece]: Args<"appendOutput">
  ): Promise<OutputFigures> {
    return this.#writer.write(() => this.#output.append(commandId, piece), {
      rows: 1,
      bytes: piece.keep ? piece.bytes.length : 0,
    });
  }

  async dropOutput(
    ...[commandId, range, audit]: Args<"dropOutput">
  ): Promise<void> {
    const drop = () => this.#output.drop(commandId, range);
    // The entry is for all of it, and goes with the first piece.
    let dropped = await this.#acts.write(audit, drop);
    while (dropped > 0) dropped = await this.#writer.write(drop);
  }

  readOutput(
    ...[commandId, range]: Args<"readOutput">
  ): Promise<StoredOutput[]> {
    return this.#writer.read(() => this.#output.read(commandId, range));
  }

  hashKept(commandId: bigint): Promise<OutputHashes> {
    const parts = {
      writer: this.#writer,
      commands: this.#commands,
      output: this.#output,
    };
    return hashKept(parts, commandId);
  }

  recordAudit(audit: NewAudit): Promise<void> {
    return this.#writer.write(() => this.#audit.add(audit));
  }

  auditPage(...[range]: Args<"auditPage">): Promise<AuditPage> {
    return this.#writer.read(() => this.#audit.page(range));
  }

  checkAudit(...[after]: Args<"checkAudit">): Promise<AuditCheck> {
    return this.#writer.read(() => this.#audit.check(after));
  }

  addEvent(event: NewEvent): Promise<EventRecord> {
    return this.#writer.write(() => this.#events.add(event));
  }

  rewordEvent(...[id, message]: Args<"rewordEvent">): Promise<void> {
    return this.#writer.write(() => this.#events.reword(id, message));
  }

  eventsAbout(...[range]: Args<"eventsAbout">): Promise<EventRecord[]> {
    return this.#writer.read(() => this.#events.about(range));
  }

  eventHistory(...[range]: Args<"eventHistory">): Promise<HistoryPage> {
    return this.#writer.read(() => this.#history.page(range));
  }

  prune(keep: { before: number; outputBytes: bigint }): Promise<Pruned> {
    return this.#retention.prune(keep);
  }

  stats(): Promise<StoreStats> {
    return this.#writer.read(() => {
      const totals = this.#meta.totals();
      return {
        agents: this.#agents.count(),
        commandsOpen: this.#commands.countOpen(),
        jobsOpen: this.#jobs.jobs.countOpen(),
        commandsTotal: totals.commands,
        outputBytes: totals.outputBytes,
        databaseBytes: this.#db.bytes(),
      };
    });
  }

  /** Closes the store after all writes that have been asked for. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#writer.close();
    this.#resources[Symbol.dispose]();
    return Promise.resolve();
  }

  /** Applies the patches. A command that has been pruned meanwhile needs none. */
  #patchAll(patches: readonly CommandPatch[]): void {
    for (const patch of patches) this.#commands.patch(patch);
  }
}
