import type { DriftRule } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { text, time } from "./json_values.ts";
import { stepJson } from "./plan/plan_json.ts";

/** A rule of drift as JSON, with the hosts that differ. */
export function driftJson(rule: DriftRule): Record<string, unknown> {
  return {
    stateName: rule.stateName,
    targets: rule.agents,
    do: rule.action,
    nextAt: time(rule.nextAtMs),
    problem: text(rule.problem),
    groups: rule.groups.map(({ agents, steps }) => ({
      agents: agents.map(({ agent, sinceMs, planId }) => ({
        agent,
        since: time(sinceMs),
        planId: `p-${planId}`,
      })),
      steps: steps.map(stepJson),
    })),
  };
}
