import type { Admittance } from "./agent_store.ts";
import type { MovedEntry } from "./job_records.ts";
import type { StoreArgs as Args } from "./store_args.ts";
import type { Tables } from "./tables.ts";
import type { Gathered } from "./writer.ts";

/** Agent that is admitted, with the changes of its hello. */
export interface Admission {
  readonly id: string;
  readonly hello: Args<"admitAgent">[1];
}

/** Admissions of agents: after a start of the Manager thousands come within a second. */
export class Admissions implements Gathered<Admission, Admittance> {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  readonly one = (admission: Admission): Admittance => {
    const { id, hello } = admission;
    const moved = this.#doubt(admission);
    this.#tables.hellos.admit(id, hello);
    this.#takeNextKey(admission);
    this.#tables.commands.raiseLastId(hello.lastCommandId);
    this.#work(admission);
    const [eventId] = this.#events([admission]);
    return { moved, eventId };
  };

  readonly several = (
    admissions: readonly Admission[],
  ): Admittance[] | undefined => {
    // Two hellos of one agent must be recorded in their order.
    const names = new Set(admissions.map(({ id }) => id));
    if (names.size < admissions.length) return undefined;
    const { hellos, commands } = this.#tables;
    const moved = admissions.map((admission) => this.#doubt(admission));
    if (!hellos.admitTogether(admissions)) return undefined;
    let lastId = 0n;
    for (const admission of admissions) {
      const { id, hello } = admission;
      if (hello.newKey !== undefined) hellos.learn(id, hello.newKey);
      this.#takeNextKey(admission);
      if (hello.lastCommandId > lastId) lastId = hello.lastCommandId;
    }
    commands.raiseLastId(lastId);
    for (const admission of admissions) this.#work(admission);
    const eventIds = this.#events(admissions);
    return moved.map((each, index) => ({
      moved: each,
      eventId: eventIds[index],
    }));
  };

  /** Records the events of admissions, in their order. Returns the id of each; undefined where there is none. */
  #events(admissions: readonly Admission[]): (bigint | undefined)[] {
    const events = admissions.flatMap(({ hello: { event } }) => event ?? []);
    const records = this.#tables.events.addTogether(events);
    let next = 0;
    return admissions.map(({ hello: { event } }) =>
      event && records[next++]?.id
    );
  }

  /** Moves entries that may have run. Before the patches, which may record commands of this hello as sent. */
  #doubt({ id, hello }: Admission): MovedEntry[] {
    const { doubt } = hello;
    return doubt === undefined
      ? []
      : this.#tables.jobs.moveDoubtful(id, { ...hello, doubt });
  }

  #takeNextKey({ id, hello: { nextKey, at } }: Admission): void {
    const old = nextKey && this.#tables.agents.takeNextKey(id, nextKey);
    if (old !== undefined) this.#tables.enrolment.revokeKey(old, id, at);
  }

  /** Changes the agent's commands, and notes the one that it has accepted last. */
  #work({ id, hello: { patches, lastCommandId } }: Admission): void {
    this.#tables.commands.patchAll(patches);
    // No command has an id of 0.
    if (lastCommandId > 0n) {
      this.#tables.jobs.noteAccepted(id, lastCommandId);
    }
  }
}
