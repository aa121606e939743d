import { AgentAliases } from "./agent_aliases.ts";
import { AgentCommands } from "./agent_commands.ts";
import { AgentHellos } from "./agent_hellos.ts";
import { Agents } from "./agents.ts";
import { Approvals } from "./approvals.ts";
import { Audit } from "./audit.ts";
import { BlobRefs } from "./blob_refs.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Commands } from "./commands.ts";
import type { Database } from "./database.ts";
import { Deliveries } from "./deliveries.ts";
import { Drift } from "./drift.ts";
import { Enrolment } from "./enrolment.ts";
import { EventHistory } from "./event_history.ts";
import { Events } from "./events.ts";
import { Issuers } from "./issuers.ts";
import { JobTables } from "./job_tables.ts";
import { LargeOutput } from "./large_output.ts";
import { MemorySegments } from "./memory_segments.ts";
import type { Meta } from "./meta.ts";
import { Operators } from "./operators.ts";
import { Output } from "./output.ts";
import { Plans } from "./plans.ts";
import { Requests } from "./requests.ts";
import type { SegmentFiles } from "./segment_files.ts";
import { SentIds } from "./sent_ids.ts";
import { Tombstones } from "./tombstones.ts";

/** Place of large pieces of output. */
export interface PlaceOfOutput {
  /** Files for them; in memory by default. */
  readonly files?: SegmentFiles | undefined;
  /** Size from which a piece is large, in bytes. */
  readonly largeBytes?: number | undefined;
}

/** All tables of a Manager's database. */
export class Tables {
  readonly db: Database;
  readonly meta: Meta;
  readonly agents: Agents;
  readonly hellos: AgentHellos;
  readonly agentCommands: AgentCommands;
  readonly aliases: AgentAliases;
  readonly tombstones: Tombstones;
  readonly enrolment: Enrolment;
  readonly requests: Requests;
  readonly sent: SentIds;
  readonly blobs: BlobRefs;
  readonly commands: Commands;
  readonly approvals: Approvals;
  readonly jobs: JobTables;
  readonly plans: Plans;
  readonly drift: Drift;
  readonly large: LargeOutput;
  readonly output: Output;
  readonly events: Events;
  readonly history: EventHistory;
  readonly issuers: Issuers;
  readonly operators: Operators;
  readonly checkpoints: Checkpoints;
  readonly audit: Audit;
  readonly deliveries: Deliveries;

  constructor(
    db: Database,
    meta: Meta,
    { files = new MemorySegments(), largeBytes }: PlaceOfOutput = {},
  ) {
    this.db = db;
    this.meta = meta;
    this.agents = new Agents(db);
    this.hellos = new AgentHellos(db);
    this.agentCommands = new AgentCommands(db);
    this.aliases = new AgentAliases(db, this.agentCommands);
    this.tombstones = new Tombstones(db);
    this.enrolment = new Enrolment(db, this.agents);
    this.requests = new Requests(db);
    this.sent = new SentIds(db);
    this.blobs = new BlobRefs(db);
    const { requests, sent, blobs, agentCommands } = this;
    this.commands = new Commands(db, {
      requests,
      sent,
      meta,
      blobs,
      agentCommands,
    });
    this.approvals = new Approvals(db);
    const { commands, approvals } = this;
    this.jobs = new JobTables(db, { commands, approvals, sent, blobs });
    this.plans = new Plans(db);
    this.drift = new Drift(db);
    this.large = new LargeOutput(db, files, largeBytes);
    this.output = new Output(db, meta, this.large);
    this.events = new Events(db);
    this.history = new EventHistory(db);
    this.issuers = new Issuers(db);
    this.operators = new Operators(db, this.issuers);
    this.deliveries = new Deliveries(db);
    this.checkpoints = new Checkpoints(db);
    this.audit = new Audit(db, meta, this.checkpoints);
  }
}
