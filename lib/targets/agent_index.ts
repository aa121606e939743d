/** An agent as target expressions see it. */
export interface TargetAgent {
  readonly name: string;
  readonly groups: readonly string[];
  readonly facts:
    | ReadonlyMap<string, string>
    | Readonly<Record<string, string>>;
  readonly connected: boolean;
}

/** Agents of a list as a set: 1 at the index of each that is in it. */
export type Chosen = Uint8Array<ArrayBuffer>;

const indexes = new WeakMap<readonly TargetAgent[], AgentIndex>();

/** Agents by name and by group. */
export class AgentIndex {
  readonly agents: readonly TargetAgent[];
  readonly byName: ReadonlyMap<string, number>;
  #byGroup: ReadonlyMap<string, readonly number[]> | undefined;

  /** The index of an array, whose agents and their groups must stay as they are. */
  static of(agents: readonly TargetAgent[]): AgentIndex {
    let index = indexes.get(agents);
    if (index === undefined) {
      indexes.set(agents, index = new AgentIndex(agents));
    }
    return index;
  }

  private constructor(agents: readonly TargetAgent[]) {
    this.agents = agents;
    this.byName = new Map(agents.map(({ name }, index) => [name, index]));
  }

  none(): Chosen {
    return new Uint8Array(this.agents.length);
  }

  all(): Chosen {
    return this.none().fill(1);
  }

  /** Indexes of the agents in a group; undefined for a group that no agent is in. */
  group(name: string): readonly number[] | undefined {
    return this.#groups().get(name);
  }

  groupNames(): readonly string[] {
    return [...this.#groups().keys()];
  }

  /** Names of all facts that any agent has. */
  factNames(): readonly string[] {
    const names = new Set(BUILT_IN);
    for (const { facts } of this.agents) {
      for (
        const name of facts instanceof Map ? facts.keys() : Object.keys(facts)
      ) {
        names.add(name);
      }
    }
    return [...names];
  }

  #groups(): ReadonlyMap<string, readonly number[]> {
    if (this.#byGroup !== undefined) return this.#byGroup;
    const groups = new Map<string, number[]>();
    for (const [index, { groups: names }] of this.agents.entries()) {
      for (const name of names) {
        const members = groups.get(name);
        if (members === undefined) groups.set(name, [index]);
        else members.push(index);
      }
    }
    return this.#byGroup = groups;
  }
}

/** Facts that every Manager knows, whatever its agents tell. */
const BUILT_IN: readonly string[] = ["name", "group", "state", "agent.version"];

/** True for a fact that is never unknown. */
export function isBuiltIn(fact: string): boolean {
  return BUILT_IN.includes(fact);
}

/** Value of a fact; undefined if the agent does not have it. A group is no single value. */
export function factOf(agent: TargetAgent, fact: string): string | undefined {
  if (fact === "name") return agent.name;
  if (fact === "state") return agent.connected ? "connected" : "away";
  const { facts } = agent;
  if (facts instanceof Map) return facts.get(fact);
  const record = facts as Readonly<Record<string, string>>;
  return Object.hasOwn(record, fact) ? record[fact] : undefined;
}
