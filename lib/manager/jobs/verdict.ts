import { messageOf, PiriError } from "../../base/errors.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { Fit } from "../command/fitness.ts";
import type { AgentSession } from "../fleet.ts";
import type { EntryEvent } from "./entry_lifecycle.ts";
import type { JobParts } from "./job_parts.ts";

/** An entry that has not started. */
export interface Unstarted {
  readonly position: number;
  readonly agent: string;
  readonly from: "waiting" | "queued";
}

/** Outcome of an entry whose turn it is: it starts over a connection, or takes another step. */
export type Verdict =
  | { readonly session: AgentSession }
  | { readonly event: EntryEvent; readonly reason: string };

const AWAY = "its agent is not connected";

/** Decides what becomes of an entry whose turn it is. */
export function verdictOn(
  { agent }: Unstarted,
  job: JobRecord,
  { fleet, clock, isExpected, fit }:
    & Pick<JobParts, "fleet" | "clock" | "isExpected">
    & { readonly fit: Fit },
): Verdict {
  const session = fleet.session(agent);
  if (session !== undefined) {
    if (!session.takesCommands) {
      return { event: "queued", reason: "its agent is not ready yet" };
    }
    const misfit = misfitOf(session, fit);
    return misfit === undefined
      ? { session }
      : { event: "refused", reason: misfit };
  }
  const { queueMs } = job.limits;
  if (queueMs !== undefined && clock.now() < job.createdAt + queueMs) {
    return { event: "queued", reason: AWAY };
  }
  if (isExpected(agent)) {
    return {
      event: "queued",
      reason: "its agent is expected back after the Manager's restart",
    };
  }
  return queueMs === undefined
    ? { event: "unreachable", reason: AWAY }
    : { event: "expired", reason: "its agent did not come back in time" };
}

function misfitOf(session: AgentSession, fit: Fit): string | undefined {
  try {
    return fit(session)?.one;
  } catch (error) {
    if (error instanceof PiriError) return messageOf(error);
    throw error;
  }
}
