import type { AgentRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { TargetAgent } from "../targets/agent_index.ts";
import { compareNames } from "../targets/compare_names.ts";
import type { Fleet } from "./fleet.ts";

/** Entry of an agent, as far as expressions ask for it. */
export type RosterEntry =
  & Pick<
    AgentRecord,
    "id" | "groups" | "facts" | "setFacts" | "retired" | "version"
  >
  & { readonly joined: boolean; readonly instance: string };

/** Texts that are compared with new ones, a count. */
const MAX_TEXTS = 5_000;

/**
 * Entries of all agents in memory, as the database has them: to read ten thousand from there takes half a second.
 *
 * Whatever the Manager writes through `watch` is here once the write is done.
 */
export class AgentRoster {
  readonly #entries = new Map<string, RosterEntry>();
  /** Texts that many agents have in common, each kept once. */
  readonly #texts = new Map<string, string>();
  /** Entries in the natural order of their names; undefined after an agent was added or removed. */
  #sorted: readonly string[] | undefined;

  /** Takes over what the database has. Called once. */
  load(records: readonly AgentRecord[]): void {
    for (const record of records) this.#put(record);
  }

  get(name: string): RosterEntry | undefined {
    return this.#entries.get(name);
  }

  /** Entries in the natural order of their names. */
  entries(): RosterEntry[] {
    this.#sorted ??= [...this.#entries.keys()].toSorted(compareNames);
    return this.#sorted.flatMap((name) => this.#entries.get(name) ?? []);
  }

  /** Store whose changes of agents are noted here. */
  watch(store: Store): Store {
    const addAgent: Store["addAgent"] = async (agent) => {
      await store.addAgent(agent);
      this.#put({
        ...NEW,
        ...agent,
        secretHash: "secretHash" in agent ? agent.secretHash : null,
      });
    };
    const enrolAgent: Store["enrolAgent"] = async (id, use) => {
      const record = await store.enrolAgent(id, use);
      this.#put(record);
      return record;
    };
    const admitAgent: Store["admitAgent"] = async (id, hello) => {
      await store.admitAgent(id, hello);
      const entry = this.#entries.get(id);
      if (entry === undefined) return;
      const { version, facts, instance } = hello;
      this.#note({ ...entry, version, facts, instance });
    };
    const setAgents: Store["setAgents"] = async (ids, change) => {
      const records = await store.setAgents(ids, change);
      for (const record of records) this.#put(record);
      return records;
    };
    const removeAgent: Store["removeAgent"] = async (id, removal) => {
      await store.removeAgent(id, removal);
      this.#entries.delete(id);
      this.#sorted = undefined;
    };
    return Object.assign(Object.create(store) as Store, {
      addAgent,
      enrolAgent,
      admitAgent,
      setAgents,
      removeAgent,
    });
  }

  #put(record: NewRecord): void {
    this.#note({
      ...record,
      joined: record.secretHash !== null,
      instance: record.instance ?? "",
    });
  }

  #note(entry: RosterEntry): void {
    const { id, groups, facts, setFacts, retired, version } = entry;
    if (!this.#entries.has(id)) this.#sorted = undefined;
    this.#entries.set(id, {
      id,
      groups: groups.map((group) => this.#shared(group)),
      facts: this.#sharedFacts(facts),
      setFacts: this.#sharedFacts(setFacts),
      retired,
      version: this.#shared(version),
      joined: entry.joined,
      instance: entry.instance,
    });
  }

  #sharedFacts(
    facts: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(facts).map(([name, value]) =>
        [this.#shared(name), this.#shared(value)] as const
      ),
    );
  }

  /** The copy of a text that is kept already. Few are: most agents of a fleet tell the same. */
  #shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size < MAX_TEXTS) this.#texts.set(text, text);
    return text;
  }
}

type NewRecord = Pick<
  AgentRecord,
  | "id"
  | "groups"
  | "facts"
  | "setFacts"
  | "retired"
  | "version"
  | "secretHash"
  | "instance"
>;

const NEW = {
  facts: {},
  setFacts: {},
  retired: false,
  version: "",
  instance: null,
} as const;

/** Facts of an agent, of which those that operators set win. */
export function factsOf(
  { facts, setFacts, version }: Pick<
    RosterEntry,
    "facts" | "setFacts" | "version"
  >,
): Readonly<Record<string, string>> {
  return {
    ...facts,
    ...version === "" ? {} : { "agent.version": version },
    ...setFacts,
  };
}

/** Agents as expressions see them. */
export function targetAgents(
  entries: readonly RosterEntry[],
  fleet: Fleet,
): readonly TargetAgent[] {
  return entries.map((entry) => new RosterTarget(entry, fleet));
}

/** An agent of the roster. Its facts are put together only if an expression asks for one. */
class RosterTarget implements TargetAgent {
  readonly #entry: RosterEntry;
  readonly #fleet: Fleet;
  #facts: Readonly<Record<string, string>> | undefined;

  constructor(entry: RosterEntry, fleet: Fleet) {
    this.#entry = entry;
    this.#fleet = fleet;
  }

  get name(): string {
    return this.#entry.id;
  }

  get groups(): readonly string[] {
    return this.#entry.groups;
  }

  get facts(): Readonly<Record<string, string>> {
    return this.#facts ??= factsOf(this.#entry);
  }

  get connected(): boolean {
    return this.#fleet.session(this.#entry.id) !== undefined;
  }
}
