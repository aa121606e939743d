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
    const forget = this.#forget.bind(this);
    const changes: Partial<Store> = {
      agent: (id) => {
        const record = this.#take(id);
        return record === undefined ? store.agent(id) : Promise.resolve(record);
      },
      setAgents: (...args) => {
        forget(...args[0]);
        return store.setAgents(...args);
      },
      renameAgent: (...args) => {
        forget(args[0]);
        return store.renameAgent(...args);
      },
      patchCommand: (...args) => {
        // The keys are those of the command's agent, which the patch does not name.
        if (args[0].keys !== undefined) this.#records.clear();
        return store.patchCommand(...args);
      },
      setToken: (...args) => {
        forget(args[0]);
        return store.setToken(...args);
      },
      setHostFacts: (...args) => {
        forget(args[0]);
        return store.setHostFacts(...args);
      },
      enrolAgent: (...args) => {
        forget(args[0]);
        return store.enrolAgent(...args);
      },
      admitAgent: (...args) => {
        forget(args[0]);
        return store.admitAgent(...args);
      },
      agentLeft: (...args) => {
        forget(args[0]);
        return store.agentLeft(...args);
      },
      revokeAgent: (...args) => {
        forget(args[0]);
        return store.revokeAgent(...args);
      },
      removeAgent: (...args) => {
        forget(args[0]);
        return store.removeAgent(...args);
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
