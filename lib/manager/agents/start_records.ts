import type { Clock } from "../../base/clock.ts";
import type { AgentRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";

/** Time for which the records of the start are kept, in milliseconds: by then its agents are back. */
const KEPT_MS = 120_000;

/**
 * Records of all agents, as the start has read them. The first question for each is answered out of memory, so that the
 * hellos of thousands of agents after a start do not read again what was just read.
 *
 * A record is forgotten before any write that may change it. Adding an agent changes none: its name is free.
 */
export class StartRecords {
  readonly #records = new Map<string, AgentRecord>();
  #clock: Clock | undefined;
  #until = 0;

  /** Takes over what the database has. Called once, before any write. */
  load(records: readonly AgentRecord[], clock: Clock): void {
    this.#clock = clock;
    this.#until = clock.monotonic() + KEPT_MS;
    for (const record of records) this.#records.set(record.id, record);
  }

  /** Store that reads a record that is kept here from here, once. */
  watch(store: Store): Store {
    /** A write about the agent that its first argument names. */
    const about = <Args extends [string, ...unknown[]], Answer>(
      write: (...args: Args) => Answer,
    ) =>
    (...args: Args): Answer => {
      this.#forget(args[0]);
      return write.apply(store, args);
    };
    const changes: Partial<Store> = {
      agent: (id) => {
        const record = this.#take(id);
        return record === undefined ? store.agent(id) : Promise.resolve(record);
      },
      setToken: about(store.setToken),
      setHostFacts: about(store.setHostFacts),
      enrolAgent: about(store.enrolAgent),
      admitAgent: about(store.admitAgent),
      agentLeft: about(store.agentLeft),
      renameAgent: about(store.renameAgent),
      revokeAgent: about(store.revokeAgent),
      removeAgent: about(store.removeAgent),
      setAgents: (...args) => {
        this.#forget(...args[0]);
        return store.setAgents(...args);
      },
      patchCommand: (...args) => {
        // The keys are those of the command's agent, which the patch does not name.
        if (args[0].keys !== undefined) this.#records.clear();
        return store.patchCommand(...args);
      },
    };
    return Object.assign(Object.create(store) as Store, changes);
  }

  /** The record, which is forgotten then; undefined if none is kept. */
  #take(id: string): AgentRecord | undefined {
    this.#expire();
    const record = this.#records.get(id);
    this.#records.delete(id);
    return record;
  }

  #forget(...ids: readonly string[]): void {
    this.#expire();
    for (const id of ids) this.#records.delete(id);
  }

  #expire(): void {
    if (this.#records.size === 0 || this.#clock === undefined) return;
    if (this.#clock.monotonic() >= this.#until) this.#records.clear();
  }
}
