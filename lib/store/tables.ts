import { sha256 } from "../base/sha256.ts";
import { AgentAliases } from "./agent_aliases.ts";
import { Agents } from "./agents.ts";
import { Audit } from "./audit.ts";
import { BlobRefs } from "./blob_refs.ts";
import { Commands } from "./commands.ts";
import type { Database } from "./database.ts";
import { Deliveries } from "./deliveries.ts";
import { EventHistory } from "./event_history.ts";
import { Events } from "./events.ts";
import { JobTables } from "./job_tables.ts";
import type { Meta } from "./meta.ts";
import { Operators } from "./operators.ts";
import { Output } from "./output.ts";
import type { AgentRecord, StoreStats } from "./records.ts";
import { Requests } from "./requests.ts";
import { SentIds } from "./sent_ids.ts";
import { Tombstones } from "./tombstones.ts";

/** All tables of a Manager's database. */
export class Tables {
  readonly db: Database;
  readonly meta: Meta;
  readonly agents: Agents;
  readonly aliases: AgentAliases;
  readonly tombstones: Tombstones;
  readonly requests: Requests;
  readonly sent: SentIds;
  readonly blobs: BlobRefs;
  readonly commands: Commands;
  readonly jobs: JobTables;
  readonly output: Output;
  readonly events: Events;
  readonly history: EventHistory;
  readonly operators: Operators;
  readonly audit: Audit;
  readonly deliveries: Deliveries;

  constructor(db: Database, meta: Meta) {
    this.db = db;
    this.meta = meta;
    this.agents = new Agents(db);
    this.aliases = new AgentAliases(db);
    this.tombstones = new Tombstones(db);
    this.requests = new Requests(db);
    this.sent = new SentIds(db);
    this.blobs = new BlobRefs(db);
    const { requests, sent, blobs } = this;
    this.commands = new Commands(db, { requests, sent, meta, blobs });
    this.jobs = new JobTables(db, { commands: this.commands, sent, blobs });
    this.output = new Output(db, meta);
    this.events = new Events(db);
    this.history = new EventHistory(db);
    this.operators = new Operators(db);
    this.audit = new Audit(db, meta);
    this.deliveries = new Deliveries(db);
  }

  /**
   * Removes an agent, and keeps the hash of its key, or else of its secret.
   *
   * @throws {PiriError} NOT_FOUND
   */
  removeAgent(id: string, at: number): void {
    const { secretHash, publicKey } = this.agents.remove(id);
    const proof = publicKey === null ? secretHash : sha256(publicKey);
    if (proof !== null) this.tombstones.add(id, proof, at);
    this.sent.forget(id);
  }

  /** Gives an agent another name, and returns its record. Throws as the table of aliases. */
  renameAgent(from: string, to: string): AgentRecord {
    this.aliases.rename(from, to);
    return this.agents.require("rename", to);
  }

  stats(): StoreStats {
    const totals = this.meta.totals();
    return {
      agents: this.agents.count(),
      commandsOpen: this.commands.countOpen(),
      jobsOpen: this.jobs.jobs.countOpen(),
      commandsTotal: totals.commands,
      outputBytes: totals.outputBytes,
      databaseBytes: this.db.bytes(),
    };
  }
}
