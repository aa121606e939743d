import { planName } from "../../base/plan_name.ts";
import type {
  DriftAgentRecord,
  DriftFindings,
  DriftNews,
} from "../../store/drift_records.ts";
import type { DriftRule } from "./drift_rule.ts";

/** Most steps that a message names. */
const MAX_STEPS = 100;

/** Agent that an apply of a rule did not make be as its state says. */
export interface Unhealed {
  readonly agent: string;
  readonly planId: bigint;
  /** Text for people. */
  readonly reason: string;
}

/**
 * News in what a plan or an apply of a rule has found, as docs/webhooks.md describes them. An agent that differed before is none.
 *
 * @param known Agents that differed before
 * @param texts Names of the steps that would change, by agent
 */
export function driftNews(
  { found, gone, unhealed }: Pick<DriftFindings, "found" | "gone"> & {
    readonly unhealed: readonly Unhealed[];
  },
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
    ...unhealed.map(({ agent, planId, reason }): DriftNews => ({
      event: "drift.heal_failed",
      at: now,
      subject: JSON.stringify({
        agent,
        ...about,
        plan: planName(planId),
        since: timeText(before.get(agent)?.since ?? now),
        reason,
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
