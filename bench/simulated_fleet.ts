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

/** How agents came back after they were cut off. */
export interface Returned {
  /** How often one came back. */
  readonly returned: number;
  /** How long they were away, milliseconds. */
  readonly away: Latencies;
  /** Dials that found nobody listening: the Manager was not there. */
  readonly unanswered: number;
  /** Dials after which the Manager asked them to come back later. */
  readonly turnedAway: number;
  /** How often other dials failed, by reason. */
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
  /** Since when each of those is away. */
  readonly #absent = new Map<SimulatedAgent, number>();
  #dropped = 0;
  #isLeaving = false;
  #redialer: Redialer<SimulatedAgent> | undefined;

  constructor(identities: readonly Identity[], options: FleetOptions) {
    const counters = new Counters();
    this.#clock = options.clock;
    this.#agents = identities.map((identity) =>
      new SimulatedAgent(identity, {
        ...options,
        counters,
        answered: () => this.#answered.add(),
        recorded: (ms) => this.#countRecorded(ms),
      })
    );
  }

  /** Commands that were answered so far. */
  get answered(): number {
    return this.#answered.count;
  }

  /** From an answer until the Manager had it on its disk, milliseconds. */
  get recordTimes(): Latencies {
    return this.#recordTimes.latencies();
  }

  /** Agents that are connected now. */
  get present(): number {
    return this.#present;
  }

  /** Agents that were cut off, or could not connect, and are not back. */
  get absent(): number {
    return this.#absent.size;
  }

  /** Connections that the Manager or the network ended. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How those who were absent came back since `stay`. */
  get returned(): Returned {
    return {
      returned: this.#awayTimes.count,
      away: this.#awayTimes.latencies(),
      unanswered: this.#unanswered,
      turnedAway: this.#turnedAway,
      failures: countsOf(this.#failures),
    };
  }

  /** Resolves once so many results were sent, since the fleet was made. */
  answeredAll(count: number): Promise<void> {
    return this.#answered.reached(count);
  }

  /** Resolves once the Manager has acknowledged so many results as recorded, since the fleet was made. */
  recorded(count: number): Promise<void> {
    return this.#recorded.reached(count);
  }

  /** Connects all of them. What fails is counted, and only tried again by `stay`. */
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

  /** Brings those back who are absent, now and from now on: at once, and after a pause when that failed. */
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

  /** Says Bye for all of them. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.#redialer?.stop();
    this.#redialer = undefined;
    await Promise.all(this.#agents.map((agent) => agent.leave()));
  }

  /** Returns what a redialer wants to know. */
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

/** Whether a dial failed because nobody listens there. */
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
