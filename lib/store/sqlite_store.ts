import { ActWriter } from "./act_writer.ts";
import type { ApprovalRecord } from "./approval_records.ts";
import { CommandLister } from "./command_lister.ts";
import { commandNotFound } from "./commands.ts";
import type { Database } from "./database.ts";
import type { Delivery } from "./delivery_records.ts";
import type {
  EntryRecord,
  FoundJob,
  JobRecord,
  MovedEntry,
  UnstartedEntries,
} from "./job_records.ts";
import { hashKept } from "./kept_hash.ts";
import type { Meta } from "./meta.ts";
import { SqliteAudit } from "./sqlite_audit.ts";
import type { OperatorRecord } from "./operator_records.ts";
import type { IssuerRecord } from "./issuer_records.ts";
import type {
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
import { type Pruned, Retention } from "./retention.ts";
import type { Store } from "./store.ts";
import type { StoreArgs as Args } from "./store_args.ts";
import { madeText, startedText } from "./audit_outcome.ts";
import { type PlaceOfOutput, Tables } from "./tables.ts";
import { type Gathered, Writer } from "./writer.ts";

/** Parts of a store besides its database. */
export interface SqliteStoreParts {
  readonly meta: Meta;
  readonly place: PlaceOfOutput;
  /** Resources that are released together with the store, the database among them. */
  readonly resources: Disposable;
}

/** Store on an SQLite database. Says which tables each request uses, in one write or read. */
export class SqliteStore extends SqliteAudit implements Store {
  readonly managerId: string;
  readonly #tables: Tables;
  readonly #writer: Writer;
  readonly #acts: ActWriter;
  readonly #retention: Retention;
  readonly #lister: CommandLister;
  readonly #resources: Disposable;
  /** Patches of commands: most are the results of agents, many at a time. */
  readonly #patches: Gathered<CommandPatch> = {
    one: (patch) => {
      if (!this.#tables.commands.patch(patch)) {
        throw commandNotFound("change", patch.id);
      }
      this.#tell(patch);
    },
    several: (patches) => {
      if (!this.#tables.commands.patchTogether(patches)) return undefined;
      return patches.map((patch) => this.#tell(patch));
    },
  };

  /** Events: most are of agents that come or go, many at a time. */
  readonly #events: Gathered<NewEvent, EventRecord> = {
    one: (event) => this.#tables.events.add(event),
    several: (events) => this.#tables.events.addTogether(events),
  };

  constructor(
    db: Database,
    { meta, place, resources }: SqliteStoreParts,
  ) {
    const tables = new Tables(db, meta, place);
    const writer = new Writer(db, {
      flush() {
        tables.audit.flush();
        tables.large.sync();
      },
      forget: () => tables.audit.forget(),
    });
    const acts = new ActWriter(writer, tables.audit);
    super({ tables, writer, acts });
    this.managerId = meta.managerId;
    this.#tables = tables;
    this.#writer = writer;
    this.#acts = acts;
    this.#retention = new Retention(
      { ...tables, jobs: tables.jobs.jobs },
      writer,
    );
    this.#lister = new CommandLister(tables.agentCommands, writer);
    this.#resources = resources;
  }

  createCommands(
    ...[commands, request, audit]: Args<"createCommands">
  ): Promise<{ job: string; commands: CommandRecord[]; repeated: boolean }> {
    this.#lister.added();
    const bytes = commands.reduce((sum, { params }) => sum + params.length, 0);
    const rows = commands.length * (1 + (request.blobs?.length ?? 0));
    return this.#acts.write(
      audit,
      () => this.#tables.commands.create(commands, request),
      {
        size: { rows, bytes },
        outcome: startedText,
      },
    );
  }

  findRequest(
    requestId: string,
  ): Promise<{ job: string; commands: CommandRecord[] } | undefined> {
    return this.#writer.read(() => this.#tables.commands.startedBy(requestId));
  }

  patchCommand(...[patch, audit]: Args<"patchCommand">): Promise<void> {
    const size = { rows: 1, bytes: patch.data?.length ?? 0 };
    return audit === undefined
      ? this.#writer.gather(this.#patches, patch, size)
      : this.#acts.write(audit, () => this.#patches.one(patch), { size });
  }

  command(id: bigint): Promise<CommandRecord | undefined> {
    return this.#writer.read(() => this.#tables.commands.get(id));
  }

  commands(filter: CommandFilter): Promise<CommandRecord[]> {
    if (filter.agent !== undefined) this.#lister.asked();
    return this.#writer.read(() => this.#tables.commands.list(filter));
  }

  openCommands(presumedSince: number): Promise<CommandRecord[]> {
    return this.#writer.read(() => this.#tables.commands.open(presumedSince));
  }

  operators(): Promise<OperatorRecord[]> {
    return this.#writer.read(() => this.#tables.operators.all());
  }

  changeOperators(
    ...[change, audit]: Args<"changeOperators">
  ): Promise<OperatorRecord[]> {
    return this.#acts.write(audit, () => {
      this.#tables.operators.change(change);
      return this.#tables.operators.all();
    });
  }

  issuers(): Promise<IssuerRecord[]> {
    return this.#writer.read(() => this.#tables.issuers.all());
  }

  changeIssuers(
    ...[change, audit]: Args<"changeIssuers">
  ): Promise<IssuerRecord[]> {
    return this.#acts.write(audit, () => this.#tables.issuers.change(change));
  }

  blobUses(): Promise<BlobUse[]> {
    return this.#writer.read(() => this.#tables.blobs.uses());
  }

  lastCommandId(): Promise<bigint> {
    return this.#writer.read(() => this.#tables.commands.lastId());
  }

  approval(id: bigint): Promise<ApprovalRecord | undefined> {
    return this.#writer.read(() => this.#tables.approvals.get(id));
  }

  approvals(...[filter]: Args<"approvals">): Promise<ApprovalRecord[]> {
    return this.#writer.read(() => this.#tables.approvals.list(filter));
  }

  addApproval(
    ...[approval, audit]: Args<"addApproval">
  ): ReturnType<Store["addApproval"]> {
    return this.#acts.write(
      audit,
      () => this.#tables.approvals.add(approval),
      {
        size: { rows: 1, bytes: approval.statement.length },
        outcome: ({ record: { id }, repeated }) =>
          repeated ? undefined : `approval a-${id}`,
      },
    );
  }

  changeApproval(
    ...[id, change, audit]: Args<"changeApproval">
  ): Promise<ApprovalRecord> {
    return this.#acts.write(
      audit,
      () => this.#tables.approvals.change(id, change),
    );
  }

  createJob(
    ...[job, entries, audit, approvalAudit]: Args<"createJob">
  ): ReturnType<Store["createJob"]> {
    return this.#acts.write(
      audit,
      () => {
        const made = this.#tables.jobs.create(job, entries);
        if (!made.repeated && approvalAudit !== undefined) {
          this.#tables.audit.add(approvalAudit);
        }
        return made;
      },
      {
        size: { rows: entries.agents.length, bytes: job.params.length },
        outcome: madeText,
      },
    );
  }

  job(id: bigint): Promise<JobRecord | undefined> {
    return this.#writer.read(() => this.#tables.jobs.jobs.get(id));
  }

  jobOfRequest(requestId: string): Promise<JobRecord | undefined> {
    return this.#writer.read(() => this.#tables.jobs.jobs.ofRequest(requestId));
  }

  jobs(...[filter]: Args<"jobs">): Promise<JobRecord[]> {
    return this.#writer.read(() => this.#tables.jobs.jobs.list(filter));
  }

  foundJobs(): Promise<FoundJob[]> {
    return this.#writer.read(() => this.#tables.jobs.found());
  }

  lastJobId(): Promise<bigint> {
    return this.#writer.read(() => this.#tables.jobs.jobs.lastId());
  }

  patchJob(
    ...[patch, audit, deliveries = []]: Args<"patchJob">
  ): Promise<Delivery[]> {
    return this.#acts.write(audit, () => {
      this.#tables.jobs.jobs.patch(patch);
      return this.#tables.deliveries.add(deliveries);
    });
  }

  deliveries(): ReturnType<Store["deliveries"]> {
    return this.#writer.read(() => this.#tables.deliveries.all());
  }

  changeDeliveries(
    ...[change]: Args<"changeDeliveries">
  ): Promise<Delivery[]> {
    return this.#writer.write(() => this.#tables.deliveries.change(change));
  }

  recountJob(id: bigint): Promise<JobRecord | undefined> {
    return this.#writer.write(() => this.#tables.jobs.recount(id));
  }

  jobEntries(...args: Args<"jobEntries">): Promise<EntryRecord[]> {
    return this.#writer.read(() => this.#tables.jobs.entries(...args));
  }

  unstartedEntries(
    ...args: Args<"unstartedEntries">
  ): Promise<UnstartedEntries> {
    return this.#writer.read(() => this.#tables.jobs.unstarted(...args));
  }

  entriesOf(...args: Args<"entriesOf">): ReturnType<Store["entriesOf"]> {
    return this.#writer.read(() => this.#tables.jobs.ofAgent(...args));
  }

  startEntries(
    ...[entries]: Args<"startEntries">
  ): ReturnType<Store["startEntries"]> {
    this.#lister.added();
    return this.#writer.write(() => this.#tables.jobs.start(entries), {
      rows: 2 * entries.positions.length,
      bytes: 0,
    });
  }

  moveEntries(...args: Args<"moveEntries">): Promise<MovedEntry[]> {
    const [, , which] = args;
    const rows = "limit" in which ? which.limit : which.positions.length;
    return this.#writer.write(() => this.#tables.jobs.move(...args), {
      rows,
      bytes: 0,
    });
  }

  jobAgents(...args: Args<"jobAgents">): Promise<string[]> {
    return this.#writer.read(() => this.#tables.jobs.agents(...args));
  }

  noteStopping(at: number | null): Promise<void> {
    return this.#writer.write(() => this.#tables.meta.noteStopping(at));
  }

  stoppingAt(): Promise<number | null> {
    return this.#writer.read(() => this.#tables.meta.stoppingAt());
  }

  appendOutput(
    ...[commandId, piece]: Args<"appendOutput">
  ): Promise<OutputFigures> {
    return this.#writer.write(
      () => this.#tables.output.append(commandId, piece),
      {
        rows: 1,
        bytes: piece.keep ? piece.bytes.length : 0,
      },
    );
  }

  async dropOutput(
    ...[commandId, range, audit]: Args<"dropOutput">
  ): Promise<void> {
    const drop = () => this.#tables.output.drop(commandId, range);
    // The entry is for all of it, and goes with the first piece.
    let dropped = await this.#acts.write(audit, drop);
    while (dropped > 0) dropped = await this.#writer.write(drop);
  }

  readOutput(
    ...[commandId, range]: Args<"readOutput">
  ): Promise<StoredOutput[]> {
    return this.#writer.read(() => this.#tables.output.read(commandId, range));
  }

  hashKept(commandId: bigint): Promise<OutputHashes> {
    const parts = {
      writer: this.#writer,
      commands: this.#tables.commands,
      output: this.#tables.output,
    };
    return hashKept(parts, commandId);
  }

  addEvent(event: NewEvent): Promise<EventRecord> {
    return this.#writer.gather(this.#events, event);
  }

  rewordEvent(...[id, message]: Args<"rewordEvent">): Promise<void> {
    return this.#writer.write(() => this.#tables.events.reword(id, message));
  }

  eventsAbout(...[range]: Args<"eventsAbout">): Promise<EventRecord[]> {
    return this.#writer.read(() => this.#tables.events.about(range));
  }

  eventHistory(...[range]: Args<"eventHistory">): Promise<HistoryPage> {
    return this.#writer.read(() => this.#tables.history.page(range));
  }

  prune(keep: { before: number; outputBytes: bigint }): Promise<Pruned> {
    return this.#retention.prune(keep);
  }

  stats(): Promise<StoreStats> {
    return this.#writer.read(() => {
      const totals = this.#tables.meta.totals();
      return {
        agents: this.#tables.agents.count(),
        commandsOpen: this.#tables.commands.countOpen(),
        jobsOpen: this.#tables.jobs.jobs.countOpen(),
        commandsTotal: totals.commands,
        outputBytes: totals.outputBytes,
        databaseBytes: this.#tables.db.bytes() +
          BigInt(this.#tables.large.bytes),
      };
    });
  }

  /** Keeps the keys that an agent has told with a result. */
  #tell({ id, keys }: CommandPatch): void {
    const agent = keys && this.#tables.commands.get(id)?.agent;
    if (keys !== undefined && agent !== undefined) {
      this.#tables.agents.tell(agent, keys);
    }
  }

  /** Closes the store after all writes that have been asked for. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#writer.close();
    this.#tables.large[Symbol.dispose]();
    this.#resources[Symbol.dispose]();
    return Promise.resolve();
  }
}
