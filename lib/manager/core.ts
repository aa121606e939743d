import { type Clock, sleep } from "../base/clock.ts";
import { Counters } from "../base/counters.ts";
import { logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Store } from "../store/store.ts";
import { type End, LEAVING_MS } from "../wire/connection.ts";
import { Later } from "../wire/later.ts";
import type { Transport } from "../wire/transport.ts";
import { Admission } from "./admission/admission.ts";
import { Agents, type ManagerIdentity } from "./agents.ts";
import { Commands } from "./commands.ts";
import type { DataService } from "./data/data_service.ts";
import { DataRequests } from "./data_requests.ts";
import { Events } from "./events.ts";
import { LocalFleet } from "./fleet.ts";
import { ManagerSession } from "./session.ts";

const log = logger("manager");

/** Agents of a Manager that stops are asked to come back after so long, milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** What a Manager is made of, but for where its connections and its operators come from. */
export interface ManagerCoreOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: ManagerIdentity;
  readonly data: DataService;
  /** How often agents are pinged, milliseconds. */
  readonly pingIntervalMs: number;
  /** Output kept of one command, both streams, bytes. */
  readonly keepBytes: bigint;
  /** Throws INVALID_ARGUMENT for parameters that an operation that is known here cannot take. */
  readonly checkParams: (operation: string, params: string) => void;
  /** So many hellos are looked at at a time; MAX_HELLOS unless said. */
  readonly mostHellos?: number;
  /** When deferred messages are sent at the latest. */
  readonly later?: Later;
}

/** A Manager without sockets: connections are handed to it, and operators call it. */
export class ManagerCore {
  readonly counters = new Counters();
  readonly fleet = new LocalFleet();
  readonly events: Events;
  readonly commands: Commands;
  readonly agents: Agents;
  readonly #options: ManagerCoreOptions;
  readonly #admission: Admission;
  readonly #data: DataRequests;
  readonly #later: Later;
  readonly #sessions = new Map<ManagerSession, Promise<unknown>>();

  constructor(options: ManagerCoreOptions) {
    this.#options = options;
    this.#later = options.later ?? new Later(options.clock);
    const { store, clock } = options;
    this.events = new Events(store, clock);
    const { counters, events, fleet } = this;
    const parts = { ...options, counters, events, fleet };
    const commands = new Commands(parts);
    this.commands = commands;
    this.agents = new Agents({ ...parts, commands });
    this.#admission = new Admission({
      ...parts,
      commands,
      ...options.mostHellos === undefined ? {} : { most: options.mostHellos },
    });
    this.#data = new DataRequests(options.data, counters);
  }

  /** All connections, those that have not said hello included. */
  get sessions(): Iterable<ManagerSession> {
    return this.#sessions.keys();
  }

  /** How many hellos are being looked at. */
  get hellosInFlight(): number {
    return this.#admission.inFlight;
  }

  /** Takes up what an earlier run left open. Called once, before the first connection. */
  async load(): Promise<void> {
    await this.commands.load();
  }

  /** Serves a connection that is established, to its end, beside all others. Resolves to how it ended; never rejects. */
  serve(transport: Transport): Promise<End | undefined> {
    const session = new ManagerSession(transport, {
      admission: this.#admission,
      commands: this.commands,
      data: this.#data,
      clock: this.#options.clock,
      counters: this.counters,
      later: this.#later,
      pingIntervalMs: this.#options.pingIntervalMs,
    });
    const served = session.run()
      .catch((error) => {
        log.error("A session ended in an error: {error}", { error });
        return undefined;
      })
      .finally(() => this.#sessions.delete(session));
    this.#sessions.set(session, served);
    return served;
  }

  /** Says Bye to all agents and waits until they have gone, a few seconds at most. */
  async shutdown(): Promise<void> {
    for (const session of this.#sessions.keys()) {
      session.shutdown(RETRY_AFTER_MS);
    }
    const late = new AbortController();
    await Promise.race([
      Promise.all(this.#sessions.values()),
      sleep(this.#options.clock, LEAVING_MS + 1_000, late.signal),
    ]);
    late.abort();
  }
}
