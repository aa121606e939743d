import { agentSteps } from "./agent.ts";
import { faultSteps, keeperSteps } from "./host.ts";
import { brokenIn, type SurvivalInvariant } from "./invariants.ts";
import {
  SURVIVAL_RULE_NAMES,
  type SurvivalRuleName,
  type SurvivalRules,
} from "./rules.ts";
import { initial, type State, type Step } from "./state.ts";

/** Most faults of each kind in a search. */
const FAULTS = { agentKills: 3, keeperKills: 1, powerCuts: 2 } as const;

/** Result of a search. */
export interface SurvivalFound {
  readonly states: number;
  /** Invariant that is violated. */
  readonly broken: SurvivalInvariant | undefined;
  /** Steps to that, first one first. No way to it is shorter. */
  readonly trace: readonly string[];
  /** Ends that the Manager was told in any state. */
  readonly told: ReadonlySet<string>;
}

interface Reached extends Step {
  readonly before: Reached | undefined;
}

/** Visits every state of a program that outlives its agent, nearest first, until an invariant is violated. */
export function searchSurvival(
  rules: SurvivalRules = new Set(SURVIVAL_RULE_NAMES),
): SurvivalFound {
  const reached: Reached[] = [
    { what: "", state: initial(FAULTS), before: undefined },
  ];
  const seen = new Set(reached.map(({ state }) => JSON.stringify(state)));
  const told = new Set<string>();
  // Grows while it is read: breadth first.
  for (const each of reached) {
    each.state.told.forEach((end) => told.add(end));
    const broken = brokenIn(each.state);
    if (broken !== undefined) {
      return { states: seen.size, broken, trace: traceOf(each), told };
    }
    for (const { what, state } of stepsFrom(each.state, rules)) {
      const key = JSON.stringify(state);
      if (seen.has(key)) continue;
      seen.add(key);
      reached.push({ what, state, before: each });
    }
  }
  return { states: seen.size, broken: undefined, trace: [], told };
}

/** Searches with all rules but one. */
export function searchSurvivalWithout(left: SurvivalRuleName): SurvivalFound {
  return searchSurvival(
    new Set(SURVIVAL_RULE_NAMES.filter((name) => name !== left)),
  );
}

function* stepsFrom(state: State, rules: SurvivalRules): Generator<Step> {
  yield* agentSteps(state, rules);
  yield* keeperSteps(state, rules);
  yield* faultSteps(state);
}

function traceOf(last: Reached): string[] {
  const trace: string[] = [];
  for (let at: Reached | undefined = last; at?.before; at = at.before) {
    trace.unshift(at.what);
  }
  return trace;
}
