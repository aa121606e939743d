import { globMatches } from "../../base/glob.ts";
import { planName } from "../../base/plan_name.ts";
import type { PlannedStep, PlanView } from "../api/plan_api.ts";

/** Findings of a plan for a rule of drift. */
export interface Weighed {
  /** Agents that differ, with the names of the steps that would change. */
  readonly differing: ReadonlyMap<string, readonly string[]>;
  /** Names of agents that do not. */
  readonly same: readonly string[];
  /** Agents of which it could not be told, with the reasons. */
  readonly untold: ReadonlyMap<string, string>;
  /** Names of agents on which a step would change that does not count. */
  readonly ignored: ReadonlySet<string>;
}

/** Tells which agents of a plan differ. One on which the plan is applied already is in none of the lists. */
export function weighPlan(
  { id, entries, groups }: PlanView,
  ignore: readonly string[],
): Weighed {
  const stepsOf = new Map(
    groups.flatMap(({ agents, steps }) =>
      agents.map((agent) => [agent, steps] as const)
    ),
  );
  const differing = new Map<string, readonly string[]>();
  const same: string[] = [];
  const untold = new Map<string, string>();
  const ignored = new Set<string>();
  const counts = ({ name }: PlannedStep) =>
    !ignore.some((pattern) => globMatches(pattern, name));
  for (const { agent, state, message } of entries) {
    if (state === "same") same.push(agent);
    if (state === "failed") {
      untold.set(agent, message || "it could not be planned");
    }
    if (state === "planning") {
      untold.set(agent, `it did not finish ${planName(id)} in time`);
    }
    if (state !== "planned") continue;
    const steps = stepsOf.get(agent);
    if (steps === undefined) {
      untold.set(agent, "its steps are not known");
      continue;
    }
    const changing = steps.filter(({ verdict }) => verdict === "change");
    const left = changing.filter(counts);
    if (left.length < changing.length) ignored.add(agent);
    const unclear = steps.filter(({ verdict }) => verdict !== "change")
      .filter(counts);
    if (left.length > 0) differing.set(agent, left.map(({ name }) => name));
    else if (unclear.length > 0) untold.set(agent, reasonOf(unclear));
    else same.push(agent);
  }
  return { differing, same, untold, ignored };
}

/** Reason for which steps cannot be told. */
function reasonOf(steps: readonly PlannedStep[]): string {
  const [first] = steps;
  const why = first?.error?.message ?? first?.reason ?? "";
  const more = steps.length > 1 ? ` and ${steps.length - 1} more` : "";
  return `step "${first?.name}"${more} cannot be told${
    why === "" ? "" : `: ${why}`
  }`;
}
