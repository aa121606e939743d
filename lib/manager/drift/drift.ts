import type { Timer } from "../../base/clock.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Sight } from "../api/access_api.ts";
import type { DriftAdmin, DriftRuleView } from "../api/drift_api.ts";
import { driftGroups } from "./drift_groups.ts";
import { type DriftRoundOptions, DriftRounds } from "./drift_rounds.ts";
import { type DriftRule, driftRuleName, nextPlanAt } from "./drift_rule.ts";
import { RecordedRules } from "./recorded_rules.ts";

const log = logger("manager", "drift");

/** Shortest time from the start of a Manager to its first plan, in milliseconds: agents come back first. */
const GRACE_MS = 60_000;

/** Parts that drift needs. */
export interface DriftOptions
  extends Omit<DriftRoundOptions, "dueAt" | "signal" | "recorded"> {
  readonly random: Random;
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
  readonly #rounds: DriftRounds;
  #rules: readonly DriftRule[] = [];
  #timer: Timer | undefined;

  constructor(options: DriftOptions) {
    this.#options = options;
    this.#recorded = new RecordedRules(options.store);
    this.#rounds = new DriftRounds({
      ...options,
      recorded: this.#recorded,
      dueAt: (name) => this.#nextAt.get(name) ?? 0,
      signal: this.#stopping.signal,
    });
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
      if (planId !== null) {
        this.#run(rule, () => this.#rounds.end(rule, planId));
      }
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
    const allUntold = await store.driftUntold();
    const toldAt = new Map(
      (await store.driftRules()).map((each) => [each.rule, each.toldAt]),
    );
    const views: DriftRuleView[] = [];
    for (const rule of this.#rules) {
      const name = driftRuleName(rule);
      const isShown = (record: { rule: string; agent: string }) =>
        record.rule === name && (sight?.has(record.agent) ?? true);
      const records = all.filter(isShown);
      const untold = allUntold.filter(isShown);
      if (sight !== undefined && records.length + untold.length === 0) continue;
      views.push({
        stateName: rule.state,
        agents: sight === undefined ? rule.agents : "",
        action: rule.do,
        nextAt: this.#nextAt.get(name) ?? 0,
        groups: await driftGroups(records, (id) => plans.get(id), rule.ignore),
        untold,
        toldAt: toldAt.get(name) ?? null,
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
      this.#run(rule, () => this.#rounds.begin(rule));
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
}

function timesOf({ every, cron, jitter }: DriftRule): string {
  return JSON.stringify([every, cron, jitter]);
}
