import type { Asker } from "../../base/asker.ts";
import { planIn, planName } from "../../base/plan_name.ts";
import type { JobLimits } from "../../store/job_records.ts";
import type { JobRequest } from "../api/job_api.ts";

/** Limits of a job that takes all agents at once. */
export const NO_LIMITS: JobLimits = {
  canaryTargets: [],
  cancelRest: false,
  order: "name",
  supersedeKey: "",
};

/** Parameters of a job for a plan, as JSON. */
export function paramsOf(
  { id, only = [], strict = false }: {
    readonly id: bigint;
    readonly only?: readonly string[] | undefined;
    readonly strict?: boolean | undefined;
  },
): string {
  return JSON.stringify({
    plan: planName(id),
    ...only.length === 0 ? {} : { only },
    ...strict ? { strict } : {},
  });
}

/** Request for a job of a plan. */
export function jobRequest(
  operation: string,
  params: string,
  request:
    & Pick<JobRequest, "requestId" | "note" | "rights" | "skipDenied">
    & Asker,
  limits: JobLimits = NO_LIMITS,
): Omit<JobRequest, "targets"> {
  const { requestId, note, rights, skipDenied } = request;
  const { requestedBy, saidBy, credential, origin } = request;
  return {
    requestId,
    note,
    requestedBy,
    saidBy,
    ...credential === undefined ? {} : { credential },
    ...origin === undefined ? {} : { origin },
    ...rights === undefined ? {} : { rights },
    ...skipDenied === undefined ? {} : { skipDenied },
    operation,
    params,
    onDisconnect: "continue",
    limits,
    name: planIn(operation, params) ?? "",
  };
}

/** Compiled states by the names of the agents. */
export function sheetsOf(
  agents: readonly { readonly agent: string; readonly sheet: string }[],
): Record<string, string> {
  return Object.fromEntries(agents.map(({ agent, sheet }) => [agent, sheet]));
}
