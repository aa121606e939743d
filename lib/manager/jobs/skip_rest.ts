import { UNSTARTED_STATES } from "../../base/job_state.ts";
import type { JobEnd, MovedEntry } from "../../store/job_records.ts";
import { moveBy } from "./entry_lifecycle.ts";
import { PAGE } from "./entry_pages.ts";
import type { JobParts } from "./job_parts.ts";
import { unsureReason } from "./unsure.ts";

/** Reasons of the end of a job, for its entries. */
const SKIPPED: Readonly<Record<JobEnd, string>> = {
  stopped: "the job was stopped",
  cancelled: "the job was cancelled",
  expired: "the job's deadline has passed",
};

/**
 * Skips a page of the entries of a job that have not started, those first that may have run all the same.
 *
 * @param wasEnding True for a job that was ending before the Manager's start: no entry of it can have run since.
 */
export async function skipSome(
  job: bigint,
  endsAs: JobEnd,
  { wasEnding, ...parts }:
    & Pick<JobParts, "store" | "clock" | "isUnsure">
    & { readonly wasEnding: boolean },
): Promise<readonly MovedEntry[]> {
  const unsure = wasEnding ? [] : await unsureOf(job, parts);
  const isUnsure = unsure.length > 0;
  const which = isUnsure ? { positions: unsure } : { limit: PAGE };
  const { store, clock } = parts;
  const reason = SKIPPED[endsAs];
  const move = moveBy(
    "skipped",
    clock.now(),
    isUnsure ? unsureReason(reason) : reason,
  );
  return await store.moveEntries(job, move, which);
}

/** Positions of entries that have not started and may have run all the same, at most a page of them. */
async function unsureOf(
  job: bigint,
  { store, isUnsure }: Pick<JobParts, "store" | "isUnsure">,
): Promise<number[]> {
  for (const state of UNSTARTED_STATES) {
    for (let from = 0;;) {
      const { positions, agents } = await store.unstartedEntries(job, state, {
        from,
        limit: PAGE,
      });
      const unsure = positions.filter((_, index) =>
        isUnsure(job, agents[index] ?? "")
      );
      if (unsure.length > 0) return unsure;
      const last = positions.at(-1);
      if (last === undefined || positions.length < PAGE) break;
      from = last + 1;
    }
  }
  return [];
}
