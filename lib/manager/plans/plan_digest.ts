import { encodeHex } from "@std/encoding/hex";
import { planName } from "../../base/plan_name.ts";
import { canonicalHash } from "../../base/statement.ts";
import type { PlanAgentRecord, PlanRecord } from "../../store/plan_records.ts";

/** SHA-256 over all that a plan would do, in hex digits; empty until all hosts were looked at. */
export function digestOf(
  { id, stateName, only, strict }: Pick<
    PlanRecord,
    "id" | "stateName" | "only" | "strict"
  >,
  agents: readonly PlanAgentRecord[],
): string {
  if (agents.some(({ state }) => state === "planning")) return "";
  return encodeHex(canonicalHash({
    plan: planName(id),
    state: stateName,
    only,
    strict,
    agents: Object.fromEntries(
      agents.map(({ agent, sheet, expect, changes }) => [
        agent,
        { sheet, expect, changes },
      ]),
    ),
  }));
}
