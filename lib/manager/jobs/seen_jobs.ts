import type { JobFilter, JobRecord } from "../../store/job_records.ts";
import type { Store } from "../../store/store.ts";
import type { Sight } from "../api/operator_api.ts";
import type { JobView } from "../api/job_api.ts";
import { jobView } from "./entry_views.ts";

/** True if somebody sees a job: all of its agents. */
export async function seesJob(
  store: Pick<Store, "jobAgents">,
  id: bigint,
  sight: Sight | undefined,
): Promise<boolean> {
  if (sight === undefined) return true;
  const agents = await store.jobAgents(id, "job");
  return agents.every((agent) => sight.has(agent));
}

/** Filter of a list of jobs for somebody who sees these agents. */
export function seenOnly(
  filter: JobFilter,
  sight: Sight | undefined,
): JobFilter {
  return sight === undefined
    ? filter
    : { ...filter, onlyAgents: sight.names() };
}

/** A job as somebody sees it. Its target expressions may name agents that it leaves out. */
export function seenJobView(
  job: JobRecord,
  sight: Sight | undefined,
): JobView {
  const view = jobView(job);
  return sight === undefined ? view : { ...view, targets: { expressions: [] } };
}
