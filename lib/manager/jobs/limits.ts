import { PiriError } from "../../base/errors.ts";
import type { JobLimits, Share } from "../../store/job_records.ts";

/** Number of agents that a share of all comes to: at least one. */
export function shareOf(share: Share, total: number): number {
  const number = "count" in share
    ? share.count
    // 0.3 of 10 is 3, and not 4 by the error of the multiplication.
    : Math.ceil(total * share.percent / 100 - 1e-9);
  return Math.max(1, number);
}

/** @throws {PiriError} INVALID_ARGUMENT for limits that contradict each other */
export function checkLimits(limits: JobLimits): void {
  const { canary, canaryTargets, cancelRest, maxFailures } = limits;
  if (canary !== undefined && canaryTargets.length > 0) {
    throw invalid(
      "the canaries are given both as a number and as target expressions",
    );
  }
  const stops = maxFailures !== undefined || canary !== undefined ||
    canaryTargets.length > 0;
  if (cancelRest && !stops) {
    throw invalid(
      "the rest is to be cancelled, and no limit of failures and no canary stops the job",
    );
  }
}

function invalid(fact: string): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot start the job: ${fact}`);
}
