import { type Clock, sleep } from "../../lib/base/clock.ts";
import { Counters } from "../../lib/base/counters.ts";
import { messageOf } from "../../lib/base/errors.ts";
import type { Identity } from "./identity.ts";
import { inParallel } from "./parallel.ts";
import { type Latencies, latenciesOf } from "./samples.ts";
import { SimulatedAgent } from "./simulated_agent.ts";

/** How a fleet behaves. */
export interface FleetOptions {
  readonly clock: Clock;
  /** What each command prints, in bytes. */
  readonly outputBytes: number;
}

/** How a fleet connects. */
export interface ConnectOptions {
  /** Dials that begin in a second; as many as can be if absent. */
  readonly rate?: number | undefined;
  /** Dials under way at a time. */
  readonly parallel: number;
}

/** How connecting went. */
export interface Connected {
  readonly connected: number;
  readonly failed: number;
  readonly seconds: number;
  /** Agents a second. */
  readonly rate: number;
  /** Until the TLS handshake was done, milliseconds. */
  readonly tls: Latencies;
  /** Until the agent was let in, milliseconds. */
  readonly ready: Latencies;
  /** How often dials failed, by reason. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Many simulated agents in one process. */
export class SimulatedFleet {
  readonly #agents: readonly SimulatedAgent[];
  readonly #clock: Clock;
  readonly #failures = new Counters();
  #answered = 0;
  #recorded = 0;
  #awaited: { count: number; done: () => void } | undefined;
  #dropped = 0;
  #isLeaving = false;

  constructor(identities: readonly Identity[], options: FleetOptions) {
    const counters = new Counters();
    this.#clock = options.clock;
    this.#agents = identities.map((identity) =>
      new SimulatedAgent(identity, {
        ...options,
        counters,
        answered: () => this.#answered++,
        recorded: () => this.#countRecorded(),
      })
    );
  }

  /** Commands that were answered so far. */
  get answered(): number {
    return this.#answered;
  }

  /** Connections that the Manager or the network ended. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Resolves once the Manager has acknowledged so many results as recorded, since the fleet was made. */
  recorded(count: number): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    this.#awaited = { count, done };
    this.#settle();
    return promise;
  }

  /** Connects all of them. What fails is counted and not tried again. */
  async connect(
    { rate, parallel }: ConnectOptions,
  ): Promise<Connected> {
    const began = this.#clock.monotonic();
    const tls: number[] = [];
    const ready: number[] = [];
    this.#isLeaving = false;
    await inParallel(this.#agents, parallel, async (agent, index) => {
      if (rate !== undefined) {
        const due = began + index / rate * 1_000;
        const early = due - this.#clock.monotonic();
        if (early > 0) await sleep(this.#clock, early);
      }
      try {
        const times = await agent.connect();
        tls.push(times.tls);
        ready.push(times.ready);
        void agent.ended?.then(() => {
          if (!this.#isLeaving) this.#dropped++;
        });
      } catch (error) {
        this.#failures.add(messageOf(error));
      }
    });
    const seconds = (this.#clock.monotonic() - began) / 1_000;
    return {
      connected: ready.length,
      failed: this.#agents.length - ready.length,
      seconds,
      rate: ready.length / seconds,
      tls: latenciesOf(tls),
      ready: latenciesOf(ready),
      failures: Object.fromEntries(
        Object.entries(this.#failures.all())
          .map(([reason, count]) => [reason, Number(count)]),
      ),
    };
  }

  /** Says Bye for all of them. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await Promise.all(this.#agents.map((agent) => agent.leave()));
  }

  #countRecorded(): void {
    this.#recorded++;
    this.#settle();
  }

  #settle(): void {
    const awaited = this.#awaited;
    if (awaited !== undefined && this.#recorded >= awaited.count) {
      awaited.done();
    }
  }
}
