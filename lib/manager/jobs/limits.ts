import { percentOf } from "../../base/percentage.ts";
import { PiriError } from "../../base/errors.ts";
import type { JobLimits, Share } from "../../store/job_records.ts";

/** Number of agents that a share of all comes to: at least one. */
export function shareOf(share: Share, total: number): number {
  const number = "count" in share
    ? share.count
    : percentOf(share.percent, total);
  return Math.max(1, number);
}

/** @throws {PiriError} INVALID_ARGUMENT for limits that contradict each other */
export function checkLimits(limits: JobLimits): void {
  const { batch, pauseMs, canary, canaryTargets, cancelRest, maxFailures } =
    limits;
  if (canary !== undefined && canaryTargets.length > 0) {
    throw invalid(
      "the canaries are given both as a number and as target expressions",
    );
  }
  if (pauseMs !== undefined && batch === undefined) {
    throw invalid(
      "a pause is between the commands of a batch, and there is no batch",
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
