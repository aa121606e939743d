import { parseTargets } from "../../targets/parse_targets.ts";
import { matchingAgents } from "../../targets/resolve_targets.ts";
import type { DataOwner } from "../data/layers.ts";

/** Agent that may be given secrets. */
export interface SecretAgent extends DataOwner {
  /** Facts that operators have set. One that the host reports of itself would let it choose its secrets. */
  readonly setFacts: Readonly<Record<string, string>>;
  readonly connected: boolean;
}

/** True if a secret that is for some targets is for an agent. */
export function isFor(
  forTargets: string,
  { id, groups, setFacts, connected }: SecretAgent,
): boolean {
  const agent = { name: id, groups, facts: setFacts, connected };
  return matchingAgents(parseTargets([forTargets]), {
    agents: [agent],
    sets: () => new Set(),
  }).length > 0;
}
