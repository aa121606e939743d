import { planName } from "../../base/plan_name.ts";
import type {
  DriftAgentRecord,
  DriftFindings,
  DriftNews,
} from "../../store/drift_records.ts";
import type { DriftRule } from "./drift_rule.ts";

/** Most steps that a message names. */
const MAX_STEPS = 100;

/**
 * News in what a plan of a rule has found, as docs/webhooks.md describes them. An agent that differed before is none.
 *
 * @param known Agents that differed before
 * @param texts Names of the steps that would change, by agent
 */
export function driftNews(
  { found, gone }: Pick<DriftFindings, "found" | "gone">,
  { rule, known, texts, now }: {
    readonly rule: DriftRule;
    readonly known: readonly DriftAgentRecord[];
    readonly texts: ReadonlyMap<string, readonly string[]>;
    readonly now: number;
  },
): DriftNews[] {
  const before = new Map(known.map((each) => [each.agent, each]));
  const about = { stateName: rule.state, targets: rule.agents };
  return [
    ...found.filter(({ agent }) => !before.has(agent))
      .map(({ agent, since, planId }): DriftNews => ({
        event: "drift.found",
        at: now,
        subject: JSON.stringify({
          agent,
          ...about,
          plan: planName(planId),
          since: timeText(since),
          steps: (texts.get(agent) ?? []).slice(0, MAX_STEPS),
        }),
      })),
    ...gone.flatMap((agent): DriftNews[] => {
      const record = before.get(agent);
      if (record === undefined) return [];
      const since = timeText(record.since);
      return [{
        event: "drift.gone",
        at: now,
        subject: JSON.stringify({ agent, ...about, since }),
      }];
    }),
  ];
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
