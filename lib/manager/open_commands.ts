import type { CommandPatch } from "../store/records.ts";
import type { OpenCommand } from "./open_command.ts";

/** The commands that have not ended, by id and by agent. */
export class OpenCommands {
  readonly #byId = new Map<bigint, OpenCommand>();
  readonly #byAgent = new Map<string, Map<bigint, OpenCommand>>();

  get size(): number {
    return this.#byId.size;
  }

  add(command: OpenCommand): void {
    this.#byId.set(command.id, command);
    const ofAgent = this.#byAgent.get(command.agent) ?? new Map();
    this.#byAgent.set(command.agent, ofAgent.set(command.id, command));
  }

  remove(command: OpenCommand): void {
    this.#byId.delete(command.id);
    const ofAgent = this.#byAgent.get(command.agent);
    ofAgent?.delete(command.id);
    if (ofAgent?.size === 0) this.#byAgent.delete(command.agent);
  }

  get(id: bigint): OpenCommand | undefined {
    return this.#byId.get(id);
  }

  /** An agent's commands, lowest id first. */
  of(agent: string): OpenCommand[] {
    return [...this.#byAgent.get(agent)?.values() ?? []]
      .sort((a, b) => a.id < b.id ? -1 : 1);
  }

  countOf(agent: string): number {
    return this.#byAgent.get(agent)?.size ?? 0;
  }

  /** Takes over patches that the store was asked for, and takes out what they end. Returns what they touched. */
  apply(patches: readonly CommandPatch[]): OpenCommand[] {
    return patches.flatMap((patch) => {
      const command = this.#byId.get(patch.id);
      if (command === undefined) return [];
      command.apply(patch);
      if (!command.isOpen) this.remove(command);
      return [command];
    });
  }
}
