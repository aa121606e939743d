import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { planName } from "../../base/plan_name.ts";
import { joint } from "../../base/signals.ts";
import { isWithin } from "../../base/within.ts";
import type {
  DriftAgentRecord,
  DriftUntoldRecord,
} from "../../store/drift_records.ts";
import type { JobLimits, TargetSelection } from "../../store/job_records.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { ManagerParts } from "../manager_parts.ts";
import type { MadePlan, PlanView } from "../api/plan_api.ts";
import type { Plans } from "../plans/plans.ts";
import type { Targeting } from "../targeting.ts";
import { driftNews, type Unhealed } from "./drift_news.ts";
import { type DriftRule, driftRuleName } from "./drift_rule.ts";
import type { RecordedRules } from "./recorded_rules.ts";
import { weighPlan } from "./weigh_plan.ts";

/** Longest time for which a heal may run, in milliseconds. */
const HEAL_MS = 3_600_000;

/** Time in which commands end that are cancelled at a deadline, in milliseconds. An agent that is away may take longer. */
const CANCEL_MS = 30_000;

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

/** Parts that rounds need. */
export interface DriftRoundOptions
  extends Pick<ManagerParts, "store" | "clock" | "events" | "counters"> {
  readonly plans: Plans;
  readonly jobs: Pick<Jobs, "watch">;
  readonly targeting: Pick<Targeting, "resolve">;
  readonly recorded: RecordedRules;
  /** Time of the next plan of a rule. */
  readonly dueAt: (rule: string) => number;
  /** Aborted when the Manager stops. */
  readonly signal: AbortSignal;
}

/** Rounds of rules of drift: a plan, what it finds, and a heal. */
export class DriftRounds {
  readonly #options: DriftRoundOptions;

  constructor(options: DriftRoundOptions) {
    this.#options = options;
  }

  /** Plans the states of a rule, and ends the round. */
  async begin(rule: DriftRule): Promise<void> {
    const name = driftRuleName(rule);
    const nextAt = this.#options.dueAt(name);
    await this.#options.recorded.set({ rule: name, nextAt, planId: null });
    const { plan: { id }, without } = await this.#plan(rule)
      .catch(async (error) => {
        await this.#noPlan(rule, error);
        throw error;
      });
    await this.#options.recorded.set({ rule: name, nextAt, planId: id });
    await this.end(rule, id, without);
  }

  async #plan(
    rule: DriftRule,
  ): Promise<Exclude<MadePlan, { problems: unknown }>> {
    const { plans, clock } = this.#options;
    const name = driftRuleName(rule);
    const made = await plans.make({
      ...MANAGER,
      stateName: rule.state,
      targets: meantBy(rule),
      requestId: `drift ${name} ${clock.now()}`,
      note: "drift",
      drift: name,
      deadlineMs: rule.deadline,
    });
    if (!("problems" in made)) return made;
    const [first] = made.problems;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot plan: ${first?.text ?? "the state has errors"}`,
    );
  }

  /** Records that no host of a rule can be told of, as it has no plan. The event of the rule tells that once for all. */
  async #noPlan(rule: DriftRule, error: unknown): Promise<void> {
    const { targeting, store, clock } = this.#options;
    if (this.#options.signal.aborted || codeOf(error) === "UNAVAILABLE") return;
    // Targets with a mistake mean no hosts.
    const agents = await targeting.resolve(meantBy(rule))
      .then((meant) => meant.agents, () => []);
    const name = driftRuleName(rule);
    const untold = agents.map(({ name: agent }) => ({
      rule: name,
      agent,
      since: clock.now(),
      planId: null,
      reason: messageOf(error),
    }));
    const nextAt = this.#options.dueAt(name);
    await store.endDriftRound(
      { rule: name, nextAt, planId: null },
      { found: [], gone: [], untold, news: [] },
    );
  }

  /**
   * Waits until all hosts were looked at, and tells what differs.
   *
   * @param without Agents that do not have the state
   */
  async end(
    rule: DriftRule,
    id: bigint,
    without: readonly string[] = [],
  ): Promise<void> {
    const { plans, clock } = this.#options;
    const name = driftRuleName(rule);
    const { jobId, createdAt } = await plans.get(id);
    const end = createdAt + rule.deadline + CANCEL_MS;
    const isLate = jobId !== null &&
      await this.#over(jobId, end - clock.now()) === "expired";
    if (this.#options.signal.aborted) return;
    const plan = await plans.get(id);
    const { differing, same, untold, ignored } = weighPlan(plan, rule.ignore);
    const known = await this.#known(rule);
    const wasUntold = await this.#wasUntold(rule);
    await this.#note(rule, {
      found: [...differing.keys()].map((agent) => ({
        rule: name,
        agent,
        since: clock.now(),
        planId: id,
      })),
      gone: same,
      left: [...without, ...await this.#left(rule, [...known, ...wasUntold])],
      untold: [...untold].map(([agent, reason]) => ({
        rule: name,
        agent,
        since: clock.now(),
        planId: id,
        reason,
      })),
      wasUntold,
      known,
      texts: differing,
    });
    const healing = [...differing.keys()].filter((agent) =>
      !ignored.has(agent)
    );
    if (rule.do === "apply") await this.#heal(rule, plan, healing);
    if (isLate) throw late(rule, plan);
  }

  async #heal(
    rule: DriftRule,
    { id }: PlanView,
    differing: readonly string[],
  ): Promise<void> {
    const { store, plans, clock } = this.#options;
    if (rule.window === undefined || !isWithin(rule.window, clock.now())) {
      return;
    }
    const failed = new Set(await store.failedApplies(rule.state));
    const only = differing.filter((agent) => !failed.has(agent));
    if (only.length === 0) return;
    const started = await plans.apply(id, {
      ...MANAGER,
      requestId: `drift heals by ${planName(id)}`,
      limits: LIMITS,
      note: "drift",
      agents: only,
    });
    // The Manager itself needs no approval.
    if ("job" in started) {
      await this.#over(started.job.id, HEAL_MS + CANCEL_MS);
    }
    if (this.#options.signal.aborted) return;
    const { entries } = await plans.get(id);
    const stateOf = new Map(entries.map(({ agent, ...entry }) => [
      agent,
      entry,
    ]));
    const healed = only.filter((agent) =>
      stateOf.get(agent)?.state === "applied"
    );
    const unhealed = only.flatMap((agent): Unhealed[] => {
      const entry = stateOf.get(agent);
      if (entry?.state === "applied" || entry?.state === "planned") return [];
      return [{ agent, planId: id, reason: entry?.message ?? "it is gone" }];
    });
    const known = await this.#known(rule);
    await this.#note(rule, {
      found: [],
      gone: healed,
      unhealed,
      known,
      texts: new Map(),
      by: ` by ${planName(id)}`,
    });
  }

  async #note(
    rule: DriftRule,
    {
      found,
      gone,
      left = [],
      untold = [],
      wasUntold = [],
      unhealed = [],
      known,
      texts,
      by = "",
    }: {
      readonly found: readonly DriftAgentRecord[];
      /** Agents that do not differ. */
      readonly gone: readonly string[];
      /** Agents that the rule does not mean any more. */
      readonly left?: readonly string[];
      readonly untold?: readonly DriftUntoldRecord[];
      /** Agents that could not be told of before. */
      readonly wasUntold?: readonly DriftUntoldRecord[];
      readonly unhealed?: readonly Unhealed[];
      readonly known: readonly DriftAgentRecord[];
      readonly texts: ReadonlyMap<string, readonly string[]>;
      readonly by?: string;
    },
  ): Promise<void> {
    const { store, events, counters, clock } = this.#options;
    const name = driftRuleName(rule);
    const before = new Set(known.map(({ agent }) => agent));
    const nextAt = this.#options.dueAt(name);
    const findings = { found, gone: [...gone, ...left] };
    const now = clock.now();
    const news = driftNews({ ...findings, unhealed }, {
      rule,
      known,
      texts,
      now,
    });
    await store.endDriftRound(
      { rule: name, nextAt, planId: null },
      {
        ...findings,
        news,
        untold,
        ...found.length + gone.length === 0 ? {} : { toldAt: now },
      },
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
    // Of one without a plan, the event of the rule has told.
    const toldOf = new Set(
      wasUntold.filter(({ planId }) => planId !== null)
        .map(({ agent }) => agent),
    );
    for (const { agent, planId, reason } of untold) {
      if (toldOf.has(agent)) continue;
      counters.add("drift_failed");
      const plan = planId === null ? "" : `, ${planName(planId)}`;
      events.add(
        "drift_failed",
        `it is not known if "${agent}" differs from ${
          stateText(rule)
        }${plan}: ${reason}`,
        { agent },
      );
    }
    for (const { agent, planId, reason } of unhealed) {
      counters.add("drift_heal_failed");
      events.add(
        "drift_heal_failed",
        `"${agent}" could not be healed by ${planName(planId)}: ${reason}`,
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

  /** Agents that are known and that the rule does not mean any more. */
  async #left(
    rule: DriftRule,
    known: readonly Pick<DriftAgentRecord, "agent">[],
  ): Promise<string[]> {
    if (known.length === 0) return [];
    const { agents } = await this.#options.targeting.resolve({
      expressions: [rule.agents],
    });
    const meant = new Set(agents.map(({ name }) => name));
    return [...new Set(known.map(({ agent }) => agent))]
      .filter((agent) => !meant.has(agent));
  }

  /** Agents of which the rule could not tell. */
  async #wasUntold(rule: DriftRule): Promise<DriftUntoldRecord[]> {
    const name = driftRuleName(rule);
    const all = await this.#options.store.driftUntold();
    return all.filter((record) => record.rule === name);
  }

  /** Agents that the rule has found to differ. */
  async #known(rule: DriftRule): Promise<DriftAgentRecord[]> {
    const name = driftRuleName(rule);
    const all = await this.#options.store.driftAgents();
    return all.filter((record) => record.rule === name);
  }

  /** Waits for the end of a job, for some milliseconds at most. Returns its last state, or "expired" if it goes on. */
  async #over(job: bigint, withinMs: number): Promise<string> {
    const { jobs, clock } = this.#options;
    const late = new AbortController();
    const timer = clock.timer(Math.max(0, withinMs), () => late.abort());
    using either = joint([this.#options.signal, late.signal]);
    const { signal } = either;
    let state = "";
    try {
      const news = jobs.watch(job, { output: false, from: [], signal });
      for await (const { job: now } of news) state = now?.state ?? state;
    } finally {
      timer.cancel();
    }
    return late.signal.aborted ? "expired" : state;
  }
}

/** Agents that a plan of a rule looks at: those that are away are looked at the next time. */
function meantBy({ agents }: DriftRule): TargetSelection {
  return { expressions: [agents], connectedOnly: true };
}

/** Error of a plan that was not ready in time. What it has found counts. */
function late({ deadline }: DriftRule, { id, entries }: PlanView): PiriError {
  const left = entries.filter(({ state }) =>
    state === "failed" || state === "planning"
  );
  const first = left[0]?.agent ?? "";
  const more = left.length > 1 ? ` and ${left.length - 1} more` : "";
  return new PiriError(
    "TIMED_OUT",
    `Cannot plan all within ${
      deadline / 1_000
    } s: "${first}"${more} did not finish ${planName(id)}`,
  );
}

function stateText({ state }: DriftRule): string {
  return state === "" ? "its whole state" : `the state ${state}`;
}
