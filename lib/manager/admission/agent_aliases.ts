import type { ClientHello } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { AgentAlias } from "../../store/agent_aliases.ts";
import { NameTurns } from "./name_turns.ts";

/** Former names of agents, and hellos in turns: one at a time for each agent, whichever of its names they say. */
export class AgentAliases {
  readonly #agents = new Map<string, string>();
  /** Present names of agents that had another one. */
  readonly #renamed = new Set<string>();
  readonly #turns = new NameTurns();

  load(aliases: readonly AgentAlias[]): void {
    for (const { name, agent } of aliases) {
      this.#agents.set(name, agent);
      this.#renamed.add(agent);
    }
  }

  /** Present name of an agent. */
  of(name: string): string {
    return this.#agents.get(name) ?? name;
  }

  /** Name that an agent is told: its present one, if it ever had another; otherwise empty. */
  told(name: string): string {
    return this.#renamed.has(name) ? name : "";
  }

  /** Notes that an agent has another name, which is on the disk. */
  renamed(from: string, to: string): void {
    for (const [name, agent] of this.#agents) {
      if (agent === from) this.#agents.set(name, to);
    }
    this.#agents.delete(to);
    this.#agents.set(from, to);
    this.#renamed.delete(from);
    this.#renamed.add(to);
  }

  /** Notes that an agent was removed: its former names are free. */
  removed(agent: string): void {
    for (const [name, present] of this.#agents) {
      if (present === agent) this.#agents.delete(name);
    }
    this.#renamed.delete(agent);
  }

  /** Runs `work` with no hello of the agent meanwhile. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(name, work);
  }

  /** Handles a hello after all earlier ones of its agent, as one that says the agent's present name. */
  hello<T>(
    hello: ClientHello,
    work: (hello: ClientHello) => Promise<T>,
  ): Promise<T> {
    const name = this.of(hello.clientId);
    return this.#turns.run(name, () =>
      // It may have been renamed while this waited.
      this.of(name) === name
        ? work({ ...hello, clientId: name })
        : this.hello(hello, work));
  }
}
