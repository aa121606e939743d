import { PiriError } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { Store } from "../../store/store.ts";
import type { JobRequest } from "../api/job_api.ts";

/**
 * Ids of those jobs with the key of a new one that it may supersede: the asker could cancel each of them.
 *
 * @param open Jobs with its key that have not ended.
 * @param names Agents of the new job.
 * @throws {PiriError} DENIED with a job of the same agents that the asker may not cancel
 */
export async function supersededBy(
  { limits, rights }: JobRequest,
  names: readonly string[],
  { open, store }: {
    readonly open: readonly JobRecord[];
    readonly store: Pick<Store, "jobAgents">;
  },
): Promise<readonly bigint[]> {
  if (rights === undefined) return open.map(({ id }) => id);
  const wanted = new Set(names);
  const superseded: bigint[] = [];
  for (const job of open) {
    const agents = await store.jobAgents(job.id, "job");
    if (!agents.some((agent) => wanted.has(agent))) continue;
    const { sight } = rights;
    if (sight !== undefined && !agents.every((agent) => sight.has(agent))) {
      throw new PiriError(
        "DENIED",
        `Cannot supersede what waits with the key "${limits.supersedeKey}": a job with it is also on agents that you do not see`,
      );
    }
    try {
      rights.check(job, agents);
    } catch (error) {
      throw deniedFor(job, error);
    }
    superseded.push(job.id);
  }
  return superseded;
}

/** Refusal by a rule that names the job, with the fields of that refusal for the audit. */
function deniedFor({ id }: JobRecord, error: unknown): unknown {
  if (!(error instanceof PiriError)) return error;
  const reason = error.message.replace(/^Cannot/, "cannot");
  return Object.assign(
    new PiriError(
      error.code,
      `Cannot supersede job ${
        jobName(id)
      }, which needs the right to start it: ${reason}`,
      { cause: error },
    ),
    error,
  );
}
