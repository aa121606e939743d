import type { Clock } from "../../base/clock.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import type { AgentRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { TargetAgent } from "../../targets/agent_index.ts";
import { compareNames } from "../../targets/compare_names.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Fleet } from "../fleet.ts";
import { StartRecords } from "./start_records.ts";

/** Part of an agent's record that expressions ask for. */
type Known = Pick<
  AgentRecord,
  | "id"
  | "groups"
  | "facts"
  | "setFacts"
  | "retired"
  | "revokedAt"
  | "version"
  | "secretHash"
  | "instance"
>;

/** Texts that are compared with new ones, a count. */
const MAX_TEXTS = 5_000;

/**
 * Entries of all agents in memory, as the database has them: to read ten thousand from there takes half a second.
 *
 * Whatever the Manager writes through `watch` is here once the write is done.
 */
export class AgentRoster {
  readonly #fleet: Fleet;
  readonly #entries = new Map<string, RosterEntry>();
  /** Texts that many agents have in common, each kept once. */
  readonly #texts = new Map<string, string>();
  readonly #start = new StartRecords();
  #lists: RosterLists | undefined;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Takes over what the database has. Called once, before any write. */
  load(records: readonly AgentRecord[], clock: Clock): void {
    for (const record of records) this.#put(record);
    this.#start.load(records, clock);
  }

  get(name: string): RosterEntry | undefined {
    return this.#entries.get(name);
  }

  /** Entries in the natural order of their names. The lists stay the same until an entry changes. */
  get lists(): RosterLists {
    return this.#lists ??= listsOf([...this.#entries.values()]);
  }

  /** Store whose changes of agents are noted here. */
  watch(below: Store): Store {
    const store = this.#start.watch(below);
    const addAgent: Store["addAgent"] = async (agent, audit) => {
      await store.addAgent(agent, audit);
      const secretHash = "secretHash" in agent ? agent.secretHash : null;
      this.#put({ ...NEW, ...agent, secretHash });
    };
    const enrolAgent: Store["enrolAgent"] = async (id, use) => {
      const record = await store.enrolAgent(id, use, joinEntry(id, use));
      this.#put(record);
      return record;
    };
    const joinAgent: Store["joinAgent"] = async (host, audit) => {
      const joined = await store.joinAgent(host, audit);
      if ("agent" in joined && joined.isNew) this.#put(joined.agent);
      return joined;
    };
    const revokeAgent: Store["revokeAgent"] = async (id, removal, audit) => {
      const moved = await store.revokeAgent(id, removal, audit);
      const entry = this.#entries.get(id);
      if (entry !== undefined) entry.revoked = true;
      this.#lists = undefined;
      return moved;
    };
    const admitAgent: Store["admitAgent"] = async (id, hello) => {
      const admittance = await store.admitAgent(id, hello);
      const entry = this.#entries.get(id);
      if (entry === undefined) return admittance;
      entry.instance = hello.instance;
      entry.facts = this.#factsOf({ ...hello, setFacts: entry.setFacts });
      return admittance;
    };
    const setHostFacts: Store["setHostFacts"] = async (id, facts) => {
      await store.setHostFacts(id, facts);
      const entry = this.#entries.get(id);
      if (entry === undefined) return;
      const { setFacts } = entry;
      const version = entry.facts["agent.version"] ?? "";
      entry.facts = this.#factsOf({ facts, version, setFacts });
    };
    const setAgents: Store["setAgents"] = async (ids, change, audit) => {
      const records = await store.setAgents(ids, change, audit);
      for (const record of records) this.#put(record);
      return records;
    };
    const renameAgent: Store["renameAgent"] = async (from, to, audit) => {
      const record = await store.renameAgent(from, to, audit);
      this.#entries.delete(from);
      this.#put(record);
      return record;
    };
    const removeAgent: Store["removeAgent"] = async (id, removal, audit) => {
      const moved = await store.removeAgent(id, removal, audit);
      this.#entries.delete(id);
      this.#lists = undefined;
      return moved;
    };
    return Object.assign(Object.create(store) as Store, {
      addAgent,
      enrolAgent,
      joinAgent,
      revokeAgent,
      admitAgent,
      setHostFacts,
      setAgents,
      renameAgent,
      removeAgent,
    });
  }

  #put(record: Known): void {
    const entry = new RosterEntry(record.id, this.#fleet);
    entry.groups = record.groups.map((group) => this.#shared(group));
    entry.setFacts = record.setFacts;
    entry.facts = this.#factsOf(record);
    entry.instance = record.instance ?? "";
    entry.joined = record.secretHash !== null;
    entry.retired = record.retired;
    entry.revoked = record.revokedAt !== null;
    this.#entries.set(record.id, entry);
    this.#lists = undefined;
  }

  /** Facts of an agent, of which those that operators set win. */
  #factsOf(
    { facts, version, setFacts }: Pick<Known, "facts" | "version" | "setFacts">,
  ): Readonly<Record<string, string>> {
    const all = {
      ...facts,
      ...version === "" ? {} : { "agent.version": version },
      ...setFacts,
    };
    return Object.fromEntries(
      Object.entries(all).map(([name, value]) =>
        [this.#shared(name), this.#shared(value)] as const
      ),
    );
  }

  /** The copy of a text that is kept already: most agents of a fleet tell the same. */
  #shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size < MAX_TEXTS) this.#texts.set(text, text);
    return text;
  }
}

/** Entry of an agent, as expressions see it. */
export class RosterEntry implements TargetAgent {
  readonly name: string;
  groups: readonly string[] = [];
  facts: Readonly<Record<string, string>> = {};
  setFacts: Readonly<Record<string, string>> = {};
  /** Random id of its journal; empty if none is known. */
  instance = "";
  joined = false;
  retired = false;
  revoked = false;
  readonly #fleet: Fleet;

  constructor(name: string, fleet: Fleet) {
    this.name = name;
    this.#fleet = fleet;
  }

  get connected(): boolean {
    return this.#fleet.session(this.name) !== undefined;
  }

  /** True for an agent that expressions mean: it has joined, and is neither retired nor revoked. */
  get enrolled(): boolean {
    return this.joined && !this.retired && !this.revoked;
  }
}

/** All entries, in the natural order of their names. */
export interface RosterLists {
  readonly all: readonly RosterEntry[];
  readonly enrolled: readonly RosterEntry[];
  readonly others: readonly RosterEntry[];
}

function listsOf(entries: readonly RosterEntry[]): RosterLists {
  const all = entries.toSorted((one, other) =>
    compareNames(one.name, other.name)
  );
  return {
    all,
    enrolled: all.filter(({ enrolled }) => enrolled),
    others: all.filter(({ enrolled }) => !enrolled),
  };
}

/** Entry of the audit for an agent that joins by its token. */
function joinEntry(id: string, { at }: { readonly at: number }): NewAudit {
  return auditEntry(
    { act: "Join", on: [id] },
    { requestedBy: "", credential: "join token", origin: "" },
    { now: () => at },
  );
}

const NEW = {
  facts: {},
  setFacts: {},
  retired: false,
  revokedAt: null,
  version: "",
  instance: null,
} as const;
