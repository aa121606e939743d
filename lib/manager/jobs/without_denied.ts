import type { JobRequest } from "../api/job_api.ts";
import type { ResolvedTargets } from "../api/operator_api.ts";

/** Agents of a request without those on which rules do not allow it, if it is to go on without them. */
export function withoutDenied(
  { rights, skipDenied = false, ...work }: JobRequest,
  resolved: ResolvedTargets,
): { readonly left: ResolvedTargets; readonly denied: readonly string[] } {
  if (!skipDenied || rights === undefined) {
    return { left: resolved, denied: [] };
  }
  const names = resolved.agents.map(({ name }) => name);
  const allowed = rights.allowed(work, names);
  // The usual error tells which rule denies it.
  if (allowed.size === 0) return { left: resolved, denied: [] };
  return {
    left: {
      ...resolved,
      agents: resolved.agents.filter(({ name }) => allowed.has(name)),
    },
    denied: names.filter((name) => !allowed.has(name)),
  };
}
