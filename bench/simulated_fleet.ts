import { type Clock, sleep } from "../lib/base/clock.ts";
import { Counters } from "../lib/base/counters.ts";
import { messageOf } from "../lib/base/errors.ts";
import { Refusal } from "../lib/wire/connection.ts";
import type { Identity } from "./identity.ts";
import { inParallel } from "./parallel.ts";
import { Redialer } from "./redialer.ts";
import { type Latencies, latenciesOf, Samples } from "./samples.ts";
import { SimulatedAgent } from "./simulated_agent.ts";
import { Tally } from "./tally.ts";

export interface FleetOptions {
  readonly clock: Clock;
  /** Size of each command's output, in bytes. */
  readonly outputBytes: number;
  /** True if agents prove keys, rather than to send secrets; false by default. */
  readonly isProving?: boolean;
}

export interface ConnectOptions {
  /** Number of dials that begin in a second. Without it there is no limit. */
  readonly rate?: number | undefined;
  /** Number of dials under way at a time. */
  readonly parallel: number;
}

/** Result of connecting a fleet. */
export interface Connected {
  readonly connected: number;
  readonly failed: number;
  readonly seconds: number;
  /** Rate in agents a second. */
  readonly rate: number;
  /** Time until the TLS handshake was done, in milliseconds. */
  readonly tls: Latencies;
  /** Time until the agent was admitted, in milliseconds. */
  readonly ready: Latencies;
  /** Number of failed dials, by reason. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Reconnections of agents that were cut off. */
export interface Returned {
  /** Number of reconnections. */
  readonly returned: number;
  /** Time that agents were away, in milliseconds. */
  readonly away: Latencies;
  /** Number of dials that no Manager answered. */
  readonly unanswered: number;
  /** Number of dials after which the Manager asked the agent to come back later. */
  readonly turnedAway: number;
  /** Number of other failed dials, by reason. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Many simulated agents in one process. */
export class SimulatedFleet {
  readonly #agents: readonly SimulatedAgent[];
  readonly #clock: Clock;
  readonly #recordTimes = new Samples();
  #awayTimes = new Samples();
  #failures = new Counters();
  #unanswered = 0;
  #turnedAway = 0;
  readonly #answered = new Tally();
  readonly #recorded = new Tally();
  #present = 0;
  /** Time since which each absent agent is away. */
  readonly #absent = new Map<SimulatedAgent, number>();
  #dropped = 0;
  #isLeaving = false;
  #redialer: Redialer<SimulatedAgent> | undefined;

  constructor(identities: readonly Identity[], options: FleetOptions) {
    const counters = new Counters();
    this.#clock = options.clock;
    this.#agents = identities.map((identity) =>
      new SimulatedAgent(identity, {
        isProving: false,
        ...options,
        counters,
        answered: () => this.#answered.add(),
        recorded: (ms) => this.#countRecorded(ms),
      })
    );
  }

  /** Number of commands answered so far. */
  get answered(): number {
    return this.#answered.count;
  }

  /** Time from an answer until the Manager had it on its disk, in milliseconds. */
  get recordTimes(): Latencies {
    return this.#recordTimes.latencies();
  }

  /** Number of agents that are connected now. */
  get present(): number {
    return this.#present;
  }

  /** Number of agents that were cut off, or could not connect, and are not back. */
  get absent(): number {
    return this.#absent.size;
  }

  /** Number of connections that the Manager or the network ended. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Reconnections since `stay`. */
  get returned(): Returned {
    return {
      returned: this.#awayTimes.count,
      away: this.#awayTimes.latencies(),
      unanswered: this.#unanswered,
      turnedAway: this.#turnedAway,
      failures: countsOf(this.#failures),
    };
  }

  /** Resolves once this number of results was sent, since the fleet was made. */
  answeredAll(count: number): Promise<void> {
    return this.#answered.reached(count);
  }

  /** Resolves once the Manager has acknowledged this number of results as recorded, since the fleet was made. */
  recorded(count: number): Promise<void> {
    return this.#recorded.reached(count);
  }

  /** Connects all agents. Failures are counted; only `stay` retries them. */
  async connect(
    { rate, parallel }: ConnectOptions,
  ): Promise<Connected> {
    const began = this.#clock.monotonic();
    const tls: number[] = [];
    const ready: number[] = [];
    this.#isLeaving = false;
    this.#failures = new Counters();
    this.#absent.clear();
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
        this.#watch(agent);
      } catch (error) {
        this.#failures.add(messageOf(error));
        this.#absent.set(agent, this.#clock.monotonic());
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
      failures: countsOf(this.#failures),
    };
  }

  /** Reconnects absent agents from now on, at once and then after a pause for each failure. */
  stay({ parallel, pauseMs }: { parallel: number; pauseMs: number }): void {
    this.#redialer?.stop();
    this.#failures = new Counters();
    this.#awayTimes = new Samples();
    this.#unanswered = 0;
    this.#turnedAway = 0;
    this.#redialer = new Redialer<SimulatedAgent>({
      clock: this.#clock,
      parallel,
      dial: (agent) => this.#dialAgain(agent, pauseMs),
    });
    for (const agent of this.#absent.keys()) this.#redialer.add(agent);
  }

  /** Ends all connections with a Bye. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.#redialer?.stop();
    this.#redialer = undefined;
    await Promise.all(this.#agents.map((agent) => agent.leave()));
  }

  /** Dials again. Returns the result in a redialer's form. */
  async #dialAgain(
    agent: SimulatedAgent,
    pauseMs: number,
  ): Promise<number | undefined> {
    try {
      await agent.connect();
    } catch (error) {
      if (error instanceof Refusal) {
        this.#turnedAway++;
        return Math.max(error.retryAfterMs, pauseMs);
      }
      if (isUnanswered(error)) this.#unanswered++;
      else this.#failures.add(messageOf(error));
      return pauseMs;
    }
    const now = this.#clock.monotonic();
    this.#awayTimes.add(now - (this.#absent.get(agent) ?? now));
    this.#absent.delete(agent);
    this.#watch(agent);
    if (this.#isLeaving) await agent.leave();
    return undefined;
  }

  #watch(agent: SimulatedAgent): void {
    this.#present++;
    void agent.ended?.then(() => {
      this.#present--;
      if (this.#isLeaving) return;
      this.#dropped++;
      this.#absent.set(agent, this.#clock.monotonic());
      this.#redialer?.add(agent);
    });
  }

  #countRecorded(ms: number): void {
    this.#recordTimes.add(ms);
    this.#recorded.add();
  }
}

/** True if a dial failed because nobody listens at its address. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error &&
    error.cause instanceof Deno.errors.ConnectionRefused;
}

function countsOf(counters: Counters): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters.all())
      .map(([reason, count]) => [reason, Number(count)]),
  );
}
