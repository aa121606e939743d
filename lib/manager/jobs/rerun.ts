import { PiriError } from "../../base/errors.ts";
import { isOpenJob, jobName } from "../../base/job_state.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { Store } from "../../store/store.ts";
import type { JobAdmin, JobRequest } from "../api/job_api.ts";
import type { ResolvedTargets, TargetSelection } from "../api/operator_api.ts";
import type { Targeting } from "../targeting.ts";

/** Reasons for which a scope has no agents. */
const NONE_TO_REPEAT = {
  all: "none of its agents is enrolled",
  failed: "every agent did it",
  lost: "none of its commands was lost",
  unreachable: "every agent could be reached",
} as const;

/**
 * Request that repeats a job, with the agents that it is for.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the job has not ended; NOT_FOUND if there is nobody to repeat it on
 */
export async function rerunOf(
  job: JobRecord,
  { scope, on, ...asked }: Parameters<JobAdmin["rerun"]>[1],
  { store, targeting }: {
    readonly store: Store;
    readonly targeting: Targeting;
  },
): Promise<
  { readonly request: JobRequest; readonly resolved: ResolvedTargets }
> {
  const { id, state } = job;
  if (isOpenJob(state)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot run job ${jobName(id)} again: it has not ended, it is ${state}`,
    );
  }
  if (job.signed !== null) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot run job ${
        jobName(id)
      } again: what was signed is good for one time; sign it anew (piri-manager run --sign)`,
    );
  }
  const wanted = new Set(
    await store.jobAgents(id, scope === "all" ? "job" : scope),
  );
  const targets: TargetSelection = {
    expressions: on.length > 0 ? on : [`@job(${jobName(id)})`],
  };
  const resolved = await targeting.resolve(targets, asked.rights?.sight);
  const agents = resolved.agents.filter(({ name }) => wanted.has(name));
  if (agents.length === 0) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot run job ${jobName(id)} again: ${NONE_TO_REPEAT[scope]}`,
    );
  }
  const { signed: _, ...again } = job;
  const request = {
    ...again,
    timeoutMs: job.timeoutMs ?? undefined,
    killAfterMs: job.killAfterMs ?? undefined,
    ...asked,
    targets,
  };
  return { request, resolved: { ...resolved, agents } };
}
