import type { Clock, Timer } from "../../base/clock.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { planName } from "../../base/plan_name.ts";
import type { Counters } from "../../base/counters.ts";
import type { Random } from "../../base/random.ts";
import { isWithin } from "../../base/within.ts";
import type { DriftAgentRecord } from "../../store/drift_records.ts";
import type { JobLimits } from "../../store/job_records.ts";
import type { Store } from "../../store/store.ts";
import type { Sight } from "../access_api.ts";
import type { DriftAdmin, DriftRuleView } from "../drift_api.ts";
import type { Events } from "../events.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { PlanView } from "../plan_api.ts";
import type { Plans } from "../plans/plans.ts";
import { type DriftRule, driftRuleName, nextPlanAt } from "./drift_rule.ts";
import { driftGroups } from "./drift_groups.ts";
import { RecordedRules } from "./recorded_rules.ts";
import { weighPlan } from "./weigh_plan.ts";

const log = logger("manager", "drift");

/** Shortest time from the start of a Manager to its first plan, in milliseconds: agents come back first. */
const GRACE_MS = 60_000;

/** Longest time for which a heal may run, in milliseconds. */
const HEAL_MS = 3_600_000;

/** The Manager itself, as the one who asks. */
const MANAGER = {
  requestedBy: "piri-manager",
  saidBy: "",
  credential: "manager",
};

const LIMITS: JobLimits = {
  canaryTargets: [],
  cancelRest: false,
  order: "name",
  supersedeKey: "",
  deadlineMs: HEAL_MS,
};

/** Parts that drift needs. */
export interface DriftOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly counters: Counters;
  readonly plans: Plans;
  readonly jobs: Pick<Jobs, "watch" | "prepare">;
}

/** Drift: rules plan states again and again, tell which hosts differ, and may heal them. */
export class Drift implements DriftAdmin {
  readonly #options: DriftOptions;
  readonly #stopping = new AbortController();
  readonly #nextAt = new Map<string, number>();
  /** Names of rules that have a plan under way: never two of one rule. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #problems = new Map<string, string>();
  readonly #recorded: RecordedRules;
  #rules: readonly DriftRule[] = [];
  #timer: Timer | undefined;

  constructor(options: DriftOptions) {
    this.#options = options;
    this.#recorded = new RecordedRules(options.store);
  }

  /** Goes on with what an earlier Manager began. What is overdue is planned once, and not before agents are back. */
  async load(rules: readonly DriftRule[]): Promise<void> {
    const { clock } = this.#options;
    const earliest = clock.now() + GRACE_MS;
    const names = new Map(rules.map((rule) => [driftRuleName(rule), rule]));
    const recorded = await this.#recorded.load();
    for (const { rule: name, nextAt, planId } of recorded) {
      const rule = names.get(name);
      if (rule === undefined) continue;
      this.#nextAt.set(name, Math.max(nextAt, earliest));
      if (planId !== null) this.#run(rule, () => this.#end(rule, planId));
    }
    await this.adopt(rules);
  }

  /** Takes rules over. One that is new, or has other times, begins with the next of its times. */
  async adopt(rules: readonly DriftRule[]): Promise<void> {
    const { clock, random } = this.#options;
    const before = new Map(
      this.#rules.map((rule) => [driftRuleName(rule), timesOf(rule)]),
    );
    this.#rules = rules;
    await this.#recorded.keep(rules.map(driftRuleName));
    const now = clock.now();
    const kept = new Map<string, number>();
    for (const rule of rules) {
      const name = driftRuleName(rule);
      const known = this.#nextAt.get(name);
      const latest = nextPlanAt(rule, now, random.fraction());
      const isOther = before.has(name) && before.get(name) !== timesOf(rule);
      // A rule that has become more frequent while the Manager was away does not wait for the old time.
      kept.set(
        name,
        known === undefined || isOther
          ? latest
          : Math.min(known, Math.max(latest, now + GRACE_MS)),
      );
    }
    for (const [name, nextAt] of kept) {
      if (this.#busy.has(name) || this.#nextAt.get(name) === nextAt) continue;
      await this.#recorded.due(name, nextAt);
    }
    this.#nextAt.clear();
    for (const [name, at] of kept) this.#nextAt.set(name, at);
    this.#schedule();
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  /** Waits until no rule has a plan under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  async list(sight?: Sight): Promise<DriftRuleView[]> {
    const { store, plans } = this.#options;
    const all = await store.driftAgents();
    const views: DriftRuleView[] = [];
    for (const rule of this.#rules) {
      const name = driftRuleName(rule);
      const records = all.filter((record) =>
        record.rule === name && (sight?.has(record.agent) ?? true)
      );
      if (sight !== undefined && records.length === 0) continue;
      views.push({
        stateName: rule.state,
        agents: sight === undefined ? rule.agents : "",
        action: rule.do,
        nextAt: this.#nextAt.get(name) ?? 0,
        groups: await driftGroups(records, (id) => plans.get(id), rule.ignore),
        problem: sight === undefined ? this.#problems.get(name) ?? "" : "",
      });
    }
    return views;
  }

  #schedule(): void {
    this.#timer?.cancel();
    if (this.#stopping.signal.aborted || this.#rules.length === 0) return;
    const { clock } = this.#options;
    const next = Math.min(...this.#nextAt.values());
    if (!Number.isFinite(next)) return;
    this.#timer = clock.timer(
      Math.max(0, next - clock.now()),
      () => this.#wake(),
    );
  }

  #wake(): void {
    const { clock, random } = this.#options;
    const now = clock.now();
    for (const rule of this.#rules) {
      const name = driftRuleName(rule);
      if ((this.#nextAt.get(name) ?? Infinity) > now) continue;
      this.#nextAt.set(name, nextPlanAt(rule, now, random.fraction()));
      // One that takes longer than its interval leaves times out.
      this.#run(rule, () => this.#begin(rule));
    }
    this.#schedule();
  }

  /** Does something for a rule, unless it is busy. */
  #run(rule: DriftRule, act: () => Promise<void>): void {
    const name = driftRuleName(rule);
    if (this.#busy.has(name)) return;
    const done = act()
      .then(() => void this.#problems.delete(name))
      .catch((error) => this.#fail(name, error))
      .finally(() => this.#busy.delete(name));
    this.#busy.set(name, done);
  }

  #fail(name: string, error: unknown): void {
    // No agent is there: they are looked at the next time.
    const isAway = codeOf(error) === "UNAVAILABLE";
    if (this.#stopping.signal.aborted || isAway) return;
    const { events, counters } = this.#options;
    const problem = messageOf(error);
    counters.add("drift_failed");
    log.warning("Drift of {name} is not known: {problem}", { name, problem });
    // The same again and again is told once.
    if (this.#problems.get(name) !== problem) {
      events.add("drift_failed", `drift of ${name} is not known: ${problem}`);
    }
    this.#problems.set(name, problem);
  }

  async #begin(rule: DriftRule): Promise<void> {
    const { plans, clock } = this.#options;
    const name = driftRuleName(rule);
    const nextAt = this.#nextAt.get(name) ?? 0;
    await this.#recorded.set({ rule: name, nextAt, planId: null });
    const made = await plans.make({
      ...MANAGER,
      stateName: rule.state,
      // Agents that are away are looked at the next time.
      targets: { expressions: [rule.agents], connectedOnly: true },
      requestId: `drift ${name} ${clock.now()}`,
      note: "drift",
      drift: name,
    });
    if ("problems" in made) {
      const [first] = made.problems;
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot plan: ${first?.text ?? "the state has errors"}`,
      );
    }
    const { id } = made.plan;
    await this.#recorded.set({ rule: name, nextAt, planId: id });
    await this.#end(rule, id);
  }

  /** Waits until all hosts were looked at, and tells what differs. */
  async #end(rule: DriftRule, id: bigint): Promise<void> {
    const { store, plans, clock } = this.#options;
    const name = driftRuleName(rule);
    const { jobId } = await plans.get(id);
    if (jobId !== null) await this.#over(jobId);
    if (this.#stopping.signal.aborted) return;
    const plan = await plans.get(id);
    const { differing, same, ignored } = weighPlan(plan, rule.ignore);
    const known = (await store.driftAgents())
      .filter((record) => record.rule === name);
    await this.#note(rule, {
      found: [...differing.keys()].map((agent) => ({
        rule: name,
        agent,
        since: clock.now(),
        planId: id,
      })),
      gone: same,
      left: await this.#left(rule, known),
      known,
      texts: differing,
    });
    const healing = [...differing.keys()].filter((agent) =>
      !ignored.has(agent)
    );
    if (rule.do === "apply") await this.#heal(rule, plan, healing);
  }

  async #heal(
    rule: DriftRule,
    { id }: PlanView,
    differing: readonly string[],
  ): Promise<void> {
    const { store, plans, clock, events } = this.#options;
    if (rule.window === undefined || !isWithin(rule.window, clock.now())) {
      return;
    }
    const failed = new Set(await store.failedApplies(rule.state));
    const only = differing.filter((agent) => !failed.has(agent));
    if (only.length === 0) return;
    const { job } = await plans.apply(id, {
      ...MANAGER,
      requestId: `drift heals by ${planName(id)}`,
      limits: LIMITS,
      note: "drift",
      only,
    });
    await this.#over(job.id);
    if (this.#stopping.signal.aborted) return;
    const { entries } = await plans.get(id);
    const stateOf = new Map(entries.map(({ agent, ...entry }) => [
      agent,
      entry,
    ]));
    const healed = only.filter((agent) =>
      stateOf.get(agent)?.state === "applied"
    );
    for (const agent of only) {
      const entry = stateOf.get(agent);
      if (entry?.state === "applied" || entry?.state === "planned") continue;
      events.add(
        "drift_heal_failed",
        `"${agent}" could not be healed by ${planName(id)}: ${
          entry?.message ?? "it is gone"
        }`,
        { agent },
      );
    }
    const known = (await store.driftAgents())
      .filter((record) => record.rule === driftRuleName(rule));
    await this.#note(rule, {
      found: [],
      gone: healed,
      known,
      texts: new Map(),
      by: ` by ${planName(id)}`,
    });
  }

  async #note(
    rule: DriftRule,
    { found, gone, left = [], known, texts, by = "" }: {
      readonly found: readonly DriftAgentRecord[];
      /** Agents that do not differ. */
      readonly gone: readonly string[];
      /** Agents that the rule does not mean any more. */
      readonly left?: readonly string[];
      readonly known: readonly DriftAgentRecord[];
      readonly texts: ReadonlyMap<string, readonly string[]>;
      readonly by?: string;
    },
  ): Promise<void> {
    const { store, events, counters } = this.#options;
    const name = driftRuleName(rule);
    const before = new Set(known.map(({ agent }) => agent));
    const nextAt = this.#nextAt.get(name) ?? 0;
    await store.endDriftRound(
      { rule: name, nextAt, planId: null },
      { found, gone: [...gone, ...left] },
    );
    for (const { agent, planId } of found) {
      if (before.has(agent)) continue;
      counters.add("drift_found");
      const steps = texts.get(agent) ?? [];
      events.add(
        "drift_found",
        `"${agent}" differs from ${stateText(rule)}, ${planName(planId)}: ${
          steps.slice(0, 5).join(", ")
        }${steps.length > 5 ? ", ..." : ""}`,
        { agent },
      );
    }
    const ends = [
      ...gone.map((agent) =>
        [agent, `"${agent}" is as ${stateText(rule)} says again${by}`] as const
      ),
      ...left.map((agent) =>
        [agent, `the rule for ${name} no longer means "${agent}"`] as const
      ),
    ];
    for (const [agent, text] of ends) {
      if (!before.has(agent)) continue;
      counters.add("drift_gone");
      events.add("drift_gone", text, { agent });
    }
  }

  /** Agents that differed and that the rule does not mean any more. */
  async #left(
    rule: DriftRule,
    known: readonly DriftAgentRecord[],
  ): Promise<string[]> {
    if (known.length === 0) return [];
    const { jobs } = this.#options;
    const { names } = await jobs.prepare({
      ...MANAGER,
      operation: "state.Plan",
      params: JSON.stringify({ plan: planName(1n) }),
      onDisconnect: "continue",
      requestId: "drift",
      name: "",
      note: "",
      limits: LIMITS,
      targets: { expressions: [rule.agents] },
    });
    const meant = new Set(names);
    return known.map(({ agent }) => agent).filter((agent) => !meant.has(agent));
  }

  async #over(job: bigint): Promise<void> {
    const { signal } = this.#stopping;
    const options = { output: false, from: [], signal };
    for await (const _ of this.#options.jobs.watch(job, options));
  }
}

function stateText({ state }: DriftRule): string {
  return state === "" ? "its whole state" : `the state ${state}`;
}

function timesOf({ every, cron, jitter }: DriftRule): string {
  return JSON.stringify([every, cron, jitter]);
}
