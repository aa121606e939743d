import { globMatches } from "../../base/glob.ts";
import type { PlannedStep, PlanView } from "../api/plan_api.ts";

/** Findings of a plan for a rule of drift. */
export interface Weighed {
  /** Agents that differ, with the names of the steps that would change. */
  readonly differing: ReadonlyMap<string, readonly string[]>;
  /** Names of agents that do not. */
  readonly same: readonly string[];
  /** Names of agents on which a step would change that does not count. */
  readonly ignored: ReadonlySet<string>;
}

/** Tells which agents of a plan differ. An agent that could not be told about is in neither list. */
export function weighPlan(
  { entries, groups }: PlanView,
  ignore: readonly string[],
): Weighed {
  const stepsOf = new Map(
    groups.flatMap(({ agents, steps }) =>
      agents.map((agent) => [agent, steps] as const)
    ),
  );
  const differing = new Map<string, readonly string[]>();
  const same: string[] = [];
  const ignored = new Set<string>();
  const counts = ({ name }: PlannedStep) =>
    !ignore.some((pattern) => globMatches(pattern, name));
  for (const { agent, state, counts: found } of entries) {
    if (state === "same") same.push(agent);
    if (state !== "planned") continue;
    const steps = stepsOf.get(agent);
    if (steps === undefined) continue;
    const changing = steps.filter(({ verdict }) => verdict === "change");
    const left = changing.filter(counts);
    if (left.length < changing.length) ignored.add(agent);
    if (left.length > 0) differing.set(agent, left.map(({ name }) => name));
    else if (found.unknown === 0) same.push(agent);
  }
  return { differing, same, ignored };
}
