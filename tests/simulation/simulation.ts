import { messageOf } from "../../lib/base/errors.ts";
import type { Body } from "../../lib/wire/message.ts";
import { JOURNAL_LIMITS } from "../../lib/agent/journal/limits.ts";
import type { MemoryKeys } from "../support/memory_keys.ts";
import { NO_AUDIT } from "../support/heard_audit.ts";
import { Bounds } from "./bounds.ts";
import { convergence, finalRules } from "./checks.ts";
import { checkCopied } from "./copy_rules.ts";
import { changing, inWords, observing } from "./interceptors.ts";
import { Faults } from "./faults.ts";
import { JobOperator } from "./job_operator.ts";
import { JobRules } from "./job_rules.ts";
import { LinkRules } from "./link_rules.ts";
import { ListedCommands } from "./listed_commands.ts";
import { Network, type Wire } from "./network.ts";
import { Operator } from "./operator.ts";
import type { Interceptor } from "./pipe.ts";
import { type Plant, plantedChange } from "./plants.ts";
import type { Report } from "./report.ts";
import { SeededRandom } from "./seeded_random.ts";
import { SimulatedAgent, SMALL_JOURNAL } from "./simulated_agent.ts";
import { SimulatedManager } from "./simulated_manager.ts";
import { Stranger } from "./stranger.ts";
import { Trace } from "./trace.ts";
import { Traps } from "./traps.ts";
import { Truth } from "./truth.ts";
import { VirtualTime } from "./virtual_time.ts";
import { WireRules } from "./wire_rules.ts";
import type { Hosts, World } from "./world.ts";

/** Settings of a run. */
export interface SimulationOptions {
  readonly agents: number;
  /** Bug to plant, to see that it is found. */
  readonly plant?: Plant | undefined;
  /** True to keep the lines of the trace. */
  readonly trace?: boolean;
  /** True for a run in which operators start jobs, too. */
  readonly jobs?: boolean;
  /** True for a run without faults. */
  readonly calm?: boolean;
  /** Keys of the Manager, in a run in which they are rotated. */
  readonly keys?: MemoryKeys;
  /** Properties of the hosts, if their records are read or their programs differ. */
  readonly hosts?: Hosts;
  /** Events of the run, in place of the seed's; all must be well after them. */
  readonly story?: (parts: StoryParts) => Promise<void>;
}

/** Parts for a story. */
export interface StoryParts {
  readonly time: VirtualTime;
  readonly manager: SimulatedManager;
  readonly agents: readonly SimulatedAgent[];
  readonly operator: Operator;
  readonly network: Network;
  /** Agents that the Manager may refuse, as they were revoked. */
  readonly revoked: Set<string>;
}

/** Time from the last fault to the moment at which all must be well, in milliseconds. */
const CONVERGE_MS = 30 * 60_000;

/** Time from the last fault to the cancel of all other commands, in milliseconds. */
const LAST_CANCEL_MS = 3 * 60_000;

/** Time between two checks if all is well, in milliseconds. */
const LOOK_MS = 1_000;

/** Number of agents up to which queues are checked after every step. Of twice as many they are checked after every second. */
const LOOKED_AT = 20;

const PLAIN_HOSTS: Hosts = { audit: () => NO_AUDIT, program: () => ({}) };

/** Runs a fleet with the faults of a seed, and reports the first broken rule, if there is one. */
export async function simulate(
  seed: number,
  options: SimulationOptions,
): Promise<Report> {
  await using simulation = new Simulation(seed, options);
  return await simulation.run();
}

class Simulation implements World, AsyncDisposable {
  readonly time = new VirtualTime();
  readonly trace: Trace;
  readonly truth: Truth;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly plant: Plant | undefined;
  readonly journalLimits;
  readonly agentCount: number;
  readonly keepBytes: bigint;
  readonly maxHellos: number;
  readonly focus: readonly string[];
  readonly hosts: Hosts;
  readonly keys: MemoryKeys | undefined;
  readonly #revoked = new Set<string>();
  readonly #seed: number;
  readonly #options: SimulationOptions;
  readonly #agents: SimulatedAgent[] = [];
  readonly #manager: SimulatedManager;
  readonly #faults: Faults;
  readonly #stranger: Stranger;
  readonly #operator: Operator;
  readonly #traps = new Traps();
  readonly #bounds: Bounds;
  readonly #rules: WireRules;
  readonly #links: LinkRules;
  /** Time of the latest look at the agents, in milliseconds since the beginning. */
  #lookedAt = 0;
  readonly #listed: ListedCommands;
  readonly jobRules: JobRules | undefined;
  readonly #jobOperator: JobOperator | undefined;
  #ends: Readonly<Record<string, number>> = {};

  constructor(seed: number, options: SimulationOptions) {
    const { time } = this;
    this.#seed = seed;
    this.#options = options;
    this.plant = options.plant;
    this.agentCount = options.agents;
    this.hosts = options.hosts ?? PLAIN_HOSTS;
    this.keys = options.keys;
    this.random = new SeededRandom(`seed ${seed}`);
    this.trace = new Trace(() => time.elapsed, {
      kept: options.trace ?? false,
    });
    this.truth = new Truth(this.trace);
    if (options.jobs) this.jobRules = this.#newJobRules();
    const shape = this.random.fork("shape");
    const size = shape.fraction();
    this.keepBytes = size < 0.05 ? 0n : size < 0.4 ? 10_000n : 1_000_000n;
    this.journalLimits = shape.chance(0.3)
      ? { ...SMALL_JOURNAL, window: 4_096, offlineOutput: 12_000 }
      : SMALL_JOURNAL;
    this.maxHellos = shape.pick([2, 200]);
    this.#bounds = new Bounds({
      truth: this.truth,
      journal: { ...JOURNAL_LIMITS, ...this.journalLimits },
      hellos: this.maxHellos,
    });
    this.#listed = new ListedCommands((nonce, words) => {
      if (!this.managerDiskLost) this.truth.bar(nonce, words);
    });
    this.#links = new LinkRules(this.truth, () => time.elapsed);
    time.look = () => this.#look();
    this.network = new Network({
      time,
      trace: this.trace,
      random: this.random.fork("network"),
      intercept: (wire, direction) => this.#interceptor(wire, direction),
    });
    this.#manager = new SimulatedManager(this);
    this.#rules = new WireRules({
      truth: this.truth,
      records: this.#manager.records,
      idsRepeat: () => this.managerDiskLost,
      forgets: (agent) => this.agentDiskLost(agent),
    });
    const names = Array.from(
      { length: options.agents },
      (_, i) => `web-${i + 1}`,
    );
    this.focus = names.slice(0, Math.ceil(names.length / 5));
    for (const name of names) {
      this.#agents.push(new SimulatedAgent(this, name));
    }
    this.#operator = new Operator(this, this.#manager, names);
    if (this.jobRules !== undefined) {
      this.#jobOperator = new JobOperator(this, this.#manager, {
        rules: this.jobRules,
        agents: names,
        isGone: (name) =>
          this.#agents.some((each) => each.name === name && each.isGone),
      });
    }
    this.#stranger = new Stranger(
      this,
      (name) =>
        this.#agents.every((agent) =>
          agent.name !== name || agent.knowsTheManager
        ),
    );
    this.network.caught = (agent) => this.#stranger.caught(agent);
    this.#faults = new Faults(this, {
      agents: this.#agents,
      manager: this.#manager,
      network: this.network,
      traps: this.#traps,
      operator: this.#operator,
      clone: (agent, isTwin) => this.#clone(agent, isTwin),
    });
  }

  get managerDiskLost(): boolean {
    return this.#manager.wasRestored;
  }

  agentDiskLost(name: string): boolean {
    return this.#agents.some((agent) => agent.name === name && agent.diskLost);
  }

  barAll(agent: string, words: string): void {
    // A Manager that was restored may not know of the cancel any more.
    if (this.managerDiskLost) return;
    for (const nonce of this.#manager.records.noncesOf(agent)) {
      this.truth.bar(nonce, words);
    }
  }

  isDoubled(name: string): boolean {
    return this.#agents.some((agent) => agent.name === name && agent.doubled);
  }

  hasNewInstance(name: string): boolean {
    return this.#agents.some((agent) =>
      agent.name === name && agent.hasNewInstance
    );
  }

  async run(): Promise<Report> {
    const unheard = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      this.truth.must(
        false,
        () => `a rejection was not heard: ${messageOf(event.reason)}`,
      );
    };
    globalThis.addEventListener("unhandledrejection", unheard);
    try {
      await this.#manager.knows(this.#agents.map(({ name }) => name));
      await (this.#options.story?.(this.#parts()) ?? this.#turmoil());
      await this.#calm();
    } finally {
      globalThis.removeEventListener("unhandledrejection", unheard);
    }
    return this.#report();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) agent.leave();
    this.#manager.life?.end();
    await this.#manager[Symbol.asyncDispose]();
  }

  #parts(): StoryParts {
    return {
      time: this.time,
      manager: this.#manager,
      agents: this.#agents,
      operator: this.#operator,
      network: this.network,
      revoked: this.#revoked,
    };
  }

  /** Lets operators act and faults happen. */
  async #turmoil(): Promise<void> {
    const { time, agentCount } = this;
    const shape = this.random.fork("schedule");
    this.#manager.start();
    for (const agent of this.#agents) {
      time.after(shape.whole(0, 1_000), () => agent.start());
    }
    const lasts = shape.whole(20_000, 90_000);
    const acts = shape.whole(agentCount, 10 + 4 * agentCount);
    for (let count = 0; count < acts; count++) {
      time.after(shape.between(1_500, lasts), () => this.#operator.act());
    }
    this.#scheduleJobs(lasts);
    const strikes = this.#options.calm === true
      ? 0
      : shape.whole(0, 10 + 2 * agentCount);
    for (let count = 0; count < strikes; count++) {
      time.after(shape.between(2_000, lasts), () => this.#faults.strike());
    }
    const visits = this.random.fork("schedule of the stranger");
    const tries = this.#options.calm === true ? 0 : visits.whole(0, 6);
    for (let count = 0; count < tries; count++) {
      time.after(visits.between(2_000, lasts), () => this.#stranger.act());
    }
    await time.run(lasts, () => this.truth.violation !== undefined);
  }

  #scheduleJobs(lasts: number): void {
    const operator = this.#jobOperator;
    if (operator === undefined) return;
    const shape = this.random.fork("schedule of jobs");
    const acts = shape.whole(3, 14);
    for (let count = 0; count < acts; count++) {
      this.time.after(shape.between(1_500, lasts), () => operator.act());
    }
  }

  #newJobRules(): JobRules {
    const rules = new JobRules(this.truth, {
      now: () => this.time.elapsed,
      mayRepeat: (nonce) =>
        this.managerDiskLost &&
        this.agentDiskLost(this.truth.fate(nonce).agent),
    });
    this.truth.heardEffect = (nonce) => rules.begins(nonce);
    return rules;
  }

  /** Ends all faults; all must become well. */
  async #calm(): Promise<void> {
    const { time, truth } = this;
    const isBroken = () => truth.violation !== undefined;
    this.#faults.heal();
    this.#stranger.leave();
    time.after(LAST_CANCEL_MS, () => this.#lookAfter());
    const end = time.elapsed + CONVERGE_MS;
    let open = "";
    do {
      await time.run(time.elapsed + LOOK_MS, isBroken);
      open = this.#openMatter() ||
        await this.jobRules?.openMatter(this.#manager.store) || "";
    } while (open !== "" && time.elapsed < end && !isBroken());
    truth.must(
      open === "",
      () => `${CONVERGE_MS / 60_000} minutes after the last fault, ${open}`,
    );
    if (isBroken()) return;
    this.#ends = await finalRules(this, this.#agents, this.#manager);
    await this.jobRules?.checkEnds(this.#manager.store);
  }

  /** Cancels commands that would otherwise run for ever. */
  #lookAfter(): void {
    const { records } = this.#manager;
    void this.#operator.cancelAll();
    void this.#jobOperator?.cancelAll();
    for (const { host } of this.#agents) {
      host.endUnknown((nonce) =>
        records.caresFor(nonce) && !this.#operator.givenUp.has(nonce)
      );
    }
  }

  #look(): void {
    const stepsPerLook = Math.ceil(this.agentCount / LOOKED_AT);
    if (this.time.rung % stepsPerLook !== 0) return;
    const now = this.time.elapsed;
    const since = stepsPerLook === 1 ? now : this.#lookedAt;
    this.#lookedAt = now;
    const { core } = this.#manager;
    if (core !== undefined) this.#bounds.checkManager(core);
    for (const agent of this.#agents) {
      this.#bounds.checkAgent(agent);
      this.#links.check(agent, since);
      if (agent.wasCopied) checkCopied(this, agent, this.#manager);
    }
  }

  #openMatter(): string {
    return convergence(this.#agents, this.#manager);
  }

  #clone(agent: SimulatedAgent, isTwin: boolean): SimulatedAgent {
    const { name } = agent;
    const copy = new SimulatedAgent(this, name, { from: agent, isTwin });
    agent.doubled ||= isTwin;
    agent.diskLost = true;
    agent.wasCopied = true;
    this.#agents.push(copy);
    return copy;
  }

  #interceptor(wire: Wire, direction: "up" | "down"): Interceptor | undefined {
    const change = direction === "up"
      ? undefined
      : plantedChange(this.plant, (id) => this.#manager.records.has(id));
    const told = (body: Body) => {
      this.#traps.heard(wire, body);
      this.#rules.heard(wire, body);
      this.#listed.heard(wire, body);
      this.#stranger.heard(wire, body);
      this.truth.must(
        wire.isCaught || this.#revoked.has(wire.agent) ||
          body.case !== "bye" || body.value.code !== 4,
        () => `${wire.agent}, ${direction}: ${inWords(body)}`,
      );
      this.trace.remark(() =>
        `${
          direction === "up"
            ? `${wire.agent} -> manager`
            : `manager -> ${wire.agent}`
        } (link ${wire.number}): ${inWords(body)}`
      );
    };
    if (change === undefined) {
      return observing(told, {
        all: () => this.trace.isKept || this.#traps.waitsFor(wire.agent),
      });
    }
    return changing((body) => {
      const changed = change(body);
      if (changed !== undefined) told(changed);
      return changed;
    });
  }

  #report(): Report {
    const effects = [...this.truth.fates.values()]
      .reduce((sum, fate) => sum + fate.effects, 0);
    return {
      seed: this.#seed,
      digest: this.trace.digest,
      violation: this.truth.violation?.message,
      trace: this.trace.lines,
      faults: this.#faults.kinds,
      commands: this.#manager.records.ids.length,
      effects,
      ends: this.#ends,
      limitsAt: this.jobRules?.limitsAt ?? new Map(),
      elapsedMs: this.time.elapsed,
      events: this.time.rung,
      most: this.#bounds.most,
    };
  }
}
