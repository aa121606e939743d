import { sha256 } from "../base/sha256.ts";
import { Admissions } from "./admissions.ts";
import type { Admittance } from "./agent_store.ts";
import type { ActWriter } from "./act_writer.ts";
import type { AgentAlias } from "./agent_aliases.ts";
import { agentShape } from "./agents.ts";
import { changedText } from "./audit_outcome.ts";
import type { EnrolmentRecords } from "./enrolment_records.ts";
import type { MovedEntry } from "./job_records.ts";
import type { AgentRecord } from "./records.ts";
import type { Store } from "./store.ts";
import type { StoreArgs as Args } from "./store_args.ts";
import type { Tables } from "./tables.ts";
import type { Writer } from "./writer.ts";

type Removal = Args<"removeAgent">[1];

/** Part of the Store on an SQLite database that has agents, and how they join and leave. */
export class SqliteAgents {
  readonly #tables: Tables;
  readonly #writer: Writer;
  readonly #acts: ActWriter;
  readonly #admissions: Admissions;

  constructor({ tables, writer, acts }: {
    readonly tables: Tables;
    readonly writer: Writer;
    readonly acts: ActWriter;
  }) {
    this.#tables = tables;
    this.#writer = writer;
    this.#acts = acts;
    this.#admissions = new Admissions(tables);
  }

  async agents(): Promise<AgentRecord[]> {
    return agentShape.unpack(await this.packedAgents());
  }

  /** All agents as one text for `agentShape.unpack`. */
  packedAgents(): Promise<string> {
    return this.#writer.read(() => this.#tables.agents.packed());
  }

  agent(id: string): Promise<AgentRecord | undefined> {
    return this.#writer.read(() => this.#tables.agents.get(id));
  }

  /** An agent as one text for `agentShape.unpackOne`. */
  packedAgent(id: string): Promise<string | undefined> {
    return this.#writer.read(() => this.#tables.agents.packedOne(id));
  }

  addAgent(...[agent, audit]: Args<"addAgent">): Promise<void> {
    return this.#acts.write(audit, () => {
      this.#tables.aliases.requireFree(agent.id);
      this.#tables.agents.add(agent);
    });
  }

  setToken(...[id, token, audit]: Args<"setToken">): Promise<void> {
    return this.#acts.write(
      audit,
      () => this.#tables.agents.setToken(id, token),
    );
  }

  setAgents(
    ...[ids, change, audit]: Args<"setAgents">
  ): Promise<AgentRecord[]> {
    return this.#acts.write(audit, () => this.#tables.agents.set(ids, change), {
      size: { rows: ids.length, bytes: 0 },
      outcome: changedText,
    });
  }

  setHostFacts(...[id, facts]: Args<"setHostFacts">): Promise<void> {
    return this.#writer.write(() =>
      this.#tables.agents.setHostFacts(id, facts)
    );
  }

  async enrolAgent(
    ...[id, use, audit]: Args<"enrolAgent">
  ): Promise<AgentRecord> {
    const { agents } = this.#tables;
    const { record } = await this.#acts.write(audit, () => {
      const isNew = agents.get(id)?.tokenUsedWith === null;
      return { record: agents.enrol(id, use), isNew };
    }, { outcome: ({ isNew }) => isNew ? "joined" : undefined });
    return record;
  }

  removeAgent(
    ...[id, removal, audit]: Args<"removeAgent">
  ): Promise<MovedEntry[]> {
    return this.#acts.write(audit, () => {
      const { secretHash, publicKey, nextKey } = this.#tables.agents.remove(id);
      const proof = publicKey === null ? secretHash : sha256(publicKey);
      // It may say any of its names.
      for (const name of [id, ...this.#tables.aliases.forgetAgent(id)]) {
        for (const each of [proof, nextKey && sha256(nextKey)]) {
          if (each !== null) {
            this.#tables.tombstones.add(name, each, removal.at);
          }
        }
      }
      this.#tables.sent.forget(id);
      this.#tables.deliveries.forgetAgent(id);
      return this.#endWork(id, removal);
    }, { size: { rows: 2 + removal.patches.length, bytes: 0 } });
  }

  revokeAgent(
    ...[id, removal, audit]: Args<"revokeAgent">
  ): Promise<MovedEntry[]> {
    return this.#acts.write(audit, () => {
      const { publicKey, nextKey } = this.#tables.agents.revoke(id, removal.at);
      for (const key of [publicKey, nextKey]) {
        if (key !== null) this.#tables.enrolment.revokeKey(key, id, removal.at);
      }
      return this.#endWork(id, removal);
    }, { size: { rows: 2 + removal.patches.length, bytes: 0 } });
  }

  renameAgent(
    ...[from, to, audit]: Args<"renameAgent">
  ): Promise<AgentRecord> {
    return this.#acts.write(audit, () => {
      this.#tables.aliases.rename(from, to);
      return this.#tables.agents.require("rename", to);
    });
  }

  checkRename(...[from, to]: Args<"checkRename">): Promise<void> {
    return this.#writer.read(() => this.#tables.aliases.check(from, to));
  }

  agentAliases(): Promise<AgentAlias[]> {
    return this.#writer.read(() => this.#tables.aliases.all());
  }

  /** Ends the commands of an agent, and its entries in jobs. */
  #endWork(id: string, { patches, entries }: Removal): MovedEntry[] {
    this.#tables.commands.patchAll(patches);
    return entries === undefined
      ? []
      : this.#tables.jobs.moveAgent(id, entries);
  }

  enrolment(): Promise<EnrolmentRecords> {
    return this.#writer.read(() => this.#tables.enrolment.all());
  }

  joinToken(
    ...[hash, name]: Args<"joinToken">
  ): ReturnType<Store["joinToken"]> {
    return this.#writer.read(() => this.#tables.enrolment.tokenFor(hash, name));
  }

  changeEnrolment(
    ...[change, audit]: Args<"changeEnrolment">
  ): Promise<EnrolmentRecords> {
    return this.#acts.write(audit, () => {
      this.#tables.enrolment.change(change);
      return this.#tables.enrolment.all();
    });
  }

  joinAgent(
    ...[host, audit]: Args<"joinAgent">
  ): ReturnType<Store["joinAgent"]> {
    return this.#acts.write(audit, () => this.#tables.enrolment.join(host), {
      outcome: (joined) =>
        !joined.isNew
          ? undefined
          : "pending" in joined
          ? "waits to be accepted"
          : "joined",
    });
  }

  removedAt(
    ...[id, secretHash]: Args<"removedAt">
  ): Promise<number | undefined> {
    return this.#writer.read(() =>
      this.#tables.tombstones.find(id, secretHash)
    );
  }

  admitAgent(...[id, hello]: Args<"admitAgent">): Promise<Admittance> {
    return this.#writer.gather(this.#admissions, { id, hello }, {
      rows: 1 + hello.patches.length + (hello.event === undefined ? 0 : 1),
      bytes: 0,
    });
  }

  agentLeft(...[id, { at, patches }]: Args<"agentLeft">): Promise<void> {
    return this.#writer.write(() => {
      this.#tables.agents.left(id, at);
      this.#tables.commands.patchAll(patches);
    }, { rows: 1 + patches.length, bytes: 0 });
  }
}
