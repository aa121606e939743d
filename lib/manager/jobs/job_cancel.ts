import type { Asker } from "../../base/asker.ts";
import { codeOf } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { JobParts } from "./job_parts.ts";

/** Most cancels that are recorded together. */
const MAX_TOGETHER = 500;

/**
 * Cancels commands of a job that starts nothing more.
 *
 * @returns True if all cancels are recorded; false if the disk did not take some of them.
 */
export async function cancelCommands(
  ids: readonly bigint[],
  job: JobRecord,
  { commands }: Pick<JobParts, "commands">,
): Promise<boolean> {
  const { requestedBy, saidBy } = cancellerOf(job);
  const graceMs = job.cancelGraceMs ?? undefined;
  for (let at = 0; at < ids.length; at += MAX_TOGETHER) {
    const results = await Promise.allSettled(
      ids.slice(at, at + MAX_TOGETHER).map((id) =>
        commands.cancelOfJob(id, { graceMs, requestedBy, saidBy })
      ),
    );
    // A command may have ended meanwhile, which is no failure.
    const isLeft = results.some((result) =>
      result.status === "rejected" && codeOf(result.reason) === "DISK"
    );
    if (isLeft) return false;
  }
  return true;
}

/** Stands for who ends the commands. */
function cancellerOf(
  { id, endsAs, cancelRequestedAt, cancelRequestedBy, cancelSaidBy }: JobRecord,
): Asker {
  if (cancelRequestedAt !== null) {
    return { requestedBy: cancelRequestedBy, saidBy: cancelSaidBy };
  }
  const limit = endsAs === "expired" ? "deadline" : "failure limit";
  return { requestedBy: `${limit} of ${jobName(id)}`, saidBy: "" };
}

/** True for a job that is ending and whose commands end with it. */
export function isToBeCancelled(
  { endsAs, limits, cancelRequestedAt }: JobRecord,
): boolean {
  return cancelRequestedAt !== null || endsAs === "expired" ||
    endsAs === "stopped" && limits.cancelRest;
}
