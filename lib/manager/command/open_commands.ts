import type { CommandPatch, CommandRecord } from "../../store/records.ts";
import type { OpenCommand } from "./open_command.ts";
import { CommandTrace } from "./command_trace.ts";

/** Number of ended commands whose traces stay in memory. */
const TRACES = 10_000;

/** Called with each command whose end, or whose other new state, is on the disk. */
export interface CommandNews {
  ended(record: CommandRecord): void;
  changed?(record: CommandRecord): void;
}

/** Commands that have not ended, by id and by agent. */
export class OpenCommands {
  readonly #listeners: CommandNews[] = [];
  readonly #byId = new Map<bigint, OpenCommand>();
  readonly #byAgent = new Map<string, Map<bigint, OpenCommand>>();
  /** Traces of ended commands, the latest last. */
  readonly #traces = new Map<bigint, CommandTrace>();
  /** Ring of their ids. Finding the oldest in the Map itself would step over all deleted entries. */
  readonly #traced: bigint[] = [];
  #nextTraced = 0;

  /** Tells ends and new states from now on. */
  tellTo(listener: CommandNews): void {
    this.#listeners.push(listener);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** All open commands. */
  all(): Iterable<OpenCommand> {
    return this.#byId.values();
  }

  add(command: OpenCommand): void {
    // A command that is opened again goes on with its trace.
    command.trace = this.#traces.get(command.id) ?? command.trace;
    this.#traces.delete(command.id);
    this.#byId.set(command.id, command);
    const ofAgent = this.#byAgent.get(command.agent) ?? new Map();
    this.#byAgent.set(command.agent, ofAgent.set(command.id, command));
  }

  remove(command: OpenCommand): void {
    if (this.#byId.delete(command.id)) this.#keep(command.id, command.trace);
    const ofAgent = this.#byAgent.get(command.agent);
    ofAgent?.delete(command.id);
    if (ofAgent?.size === 0) this.#byAgent.delete(command.agent);
  }

  get(id: bigint): OpenCommand | undefined {
    return this.#byId.get(id);
  }

  /** Trace of a command, open or ended; undefined if it is no longer in memory. */
  trace(id: bigint): CommandTrace | undefined {
    return this.#byId.get(id)?.trace ?? this.#traces.get(id);
  }

  /** Trace of a command, made if there is none. The command must be known to be the agent's. */
  traceToKeep(id: bigint): CommandTrace {
    const trace = this.trace(id) ?? new CommandTrace();
    if (!this.#byId.has(id)) this.#keep(id, trace);
    return trace;
  }

  /** Open commands of an agent, lowest id first. */
  of(agent: string): OpenCommand[] {
    return [...this.#byAgent.get(agent)?.values() ?? []]
      .sort((a, b) => a.id < b.id ? -1 : 1);
  }

  countOf(agent: string): number {
    return this.#byAgent.get(agent)?.size ?? 0;
  }

  /** Notes that the end of a command is on the disk. */
  ended(record: CommandRecord): void {
    for (const listener of this.#listeners) listener.ended(record);
  }

  /** Notes that another state of a command is on the disk that is no end for events: it runs, is open again, or given up. */
  changed(record: CommandRecord): void {
    for (const listener of this.#listeners) listener.changed?.(record);
  }

  #keep(id: bigint, trace: CommandTrace): void {
    if (this.#traces.has(id)) return;
    const oldest = this.#traced[this.#nextTraced];
    if (oldest !== undefined) this.#traces.delete(oldest);
    this.#traced[this.#nextTraced] = id;
    this.#nextTraced = (this.#nextTraced + 1) % TRACES;
    this.#traces.set(id, trace);
  }

  /** Applies a patch to an open command, and removes the command if that ends it. */
  apply(command: OpenCommand, patch: CommandPatch): void {
    command.apply(patch);
    if (!command.isOpen) this.remove(command);
  }
}
