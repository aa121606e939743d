import type { TargetAgent } from "../../lib/targets/agent_index.ts";
import { parseTargets } from "../../lib/targets/parse_targets.ts";
import {
  type ResolvedNames,
  resolveTargets,
  type TargetWorld,
} from "../../lib/targets/resolve_targets.ts";

/** An agent for a test: connected, unless the options differ. */
export function agent(
  name: string,
  { groups = [], facts = {}, connected = true }: Partial<TargetAgent> = {},
): TargetAgent {
  return { name, groups, facts, connected };
}

/** Agents that a test resolves against. */
export function worldOf(
  agents: readonly TargetAgent[],
  sets: Readonly<Record<string, readonly string[]>> = {},
): TargetWorld {
  return {
    agents,
    sets: (kind, job) => new Set(sets[`${kind} ${job}`]),
  };
}

/** Result of expressions in a world. */
export function resolved(
  world: TargetWorld,
  texts: string | readonly string[],
  options: { allowMissing?: boolean } = {},
): ResolvedNames {
  return resolveTargets(parseTargets([texts].flat()), world, options);
}

/** Names that expressions mean in a world, with spaces between them. */
export function meant(
  world: TargetWorld,
  texts: string | readonly string[],
): string {
  return resolved(world, texts).names.join(" ");
}
