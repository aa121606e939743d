import type { DriftRule } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { text, time } from "./json_values.ts";
import { stepJson } from "./plan/plan_json.ts";

/** A rule of drift as JSON, with the hosts that differ or cannot be told of. */
export function driftJson(rule: DriftRule): Record<string, unknown> {
  return {
    stateName: rule.stateName,
    targets: rule.agents,
    do: rule.action,
    nextAt: time(rule.nextAtMs),
    problem: text(rule.problem),
    toldAt: time(rule.toldAtMs),
    groups: rule.groups.map(({ agents, steps }) => ({
      agents: agents.map(({ agent, sinceMs, planId }) => ({
        agent,
        since: time(sinceMs),
        planId: `p-${planId}`,
      })),
      steps: steps.map(stepJson),
    })),
    untold: rule.untold.map(({ agent, sinceMs, planId, reason }) => ({
      agent,
      since: time(sinceMs),
      planId: planId === undefined ? null : `p-${planId}`,
      reason,
    })),
  };
}
