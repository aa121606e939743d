import { globMatches } from "../../base/glob.ts";
import type { DriftAgentRecord } from "../../store/drift_records.ts";
import type { DriftGroupView } from "../api/drift_api.ts";
import type { PlanView } from "../api/plan_api.ts";

/** Groups agents that differ by their changes, as their last plans have them. */
export async function driftGroups(
  records: readonly DriftAgentRecord[],
  planOf: (id: bigint) => Promise<PlanView>,
  ignore: readonly string[],
): Promise<DriftGroupView[]> {
  const left = new Map(records.map((record) => [record.agent, record]));
  const groups: DriftGroupView[] = [];
  for (const id of new Set(records.map(({ planId }) => planId))) {
    // A plan goes with the history, and what differs is still so.
    const plan = await planOf(id).catch(() => undefined);
    for (const { agents, steps } of plan?.groups ?? []) {
      const own = agents.flatMap((agent) => {
        const record = left.get(agent);
        return record?.planId === id ? [record] : [];
      });
      if (own.length === 0) continue;
      for (const { agent } of own) left.delete(agent);
      groups.push({
        agents: own,
        steps: steps.filter(({ name }) =>
          !ignore.some((pattern) => globMatches(pattern, name))
        ),
      });
    }
  }
  if (left.size > 0) groups.push({ agents: [...left.values()], steps: [] });
  return groups;
}
