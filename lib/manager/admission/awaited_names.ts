import { namesAgent } from "../../targets/names_in.ts";
import type { OperatorView } from "../api/access_api.ts";

/** The rule that names this agent literally, as "alice#2"; undefined for none. */
export function ruleThatNames(
  agent: string,
  operators: readonly OperatorView[],
): string | undefined {
  const rule = operators.flatMap(({ rules }) => rules)
    .find(({ onTargets }) => namesAgent(onTargets, agent));
  return rule && `${rule.operator}#${rule.number}`;
}
