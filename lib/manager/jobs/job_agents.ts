import { PiriError } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
import type { Store } from "../../store/store.ts";
import type { JobAgents } from "../api/operator_api.ts";

/** Finds the agents that jobs left in a set. */
export function jobAgentsIn(store: Store): JobAgents {
  return async (set, job) => {
    if (await store.job(job) !== undefined) {
      return new Set(await store.jobAgents(job, set));
    }
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find the targets: there is no job ${jobName(job)}`,
    );
  };
}
