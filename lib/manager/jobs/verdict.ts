import { messageOf, PiriError } from "../../base/errors.ts";
import type { UnstartedStateName } from "../../base/job_state.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { Fit } from "../command/fitness.ts";
import type { AgentSession } from "../fleet.ts";
import type { EntryEvent } from "./entry_lifecycle.ts";
import type { JobParts } from "./job_parts.ts";
import { unsureReason } from "./unsure.ts";

/** An entry that has not started. */
export interface Unstarted {
  readonly position: number;
  readonly agent: string;
  readonly from: UnstartedStateName;
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
  { fleet, clock, isExpected, isUnsure, refusal, fit }:
    & Pick<JobParts, "fleet" | "clock" | "isExpected" | "isUnsure" | "refusal">
    & { readonly fit: Fit },
): Verdict {
  const told = (reason: string) =>
    isUnsure(job.id, agent) ? unsureReason(reason) : reason;
  const session = fleet.session(agent);
  if (session !== undefined) {
    if (!session.takesCommands) {
      return { event: "queued", reason: "its agent is not ready yet" };
    }
    const misfit = misfitOf(session, fit);
    if (misfit !== undefined) return { event: "refused", reason: misfit };
    // Now, because rights may have changed since it was asked for.
    const denial = refusal(job, agent);
    return denial === undefined
      ? { session }
      : { event: "denied", reason: told(denial) };
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
    ? { event: "unreachable", reason: told(AWAY) }
    : { event: "expired", reason: told("its agent did not come back in time") };
}

function misfitOf(session: AgentSession, fit: Fit): string | undefined {
  try {
    return fit(session)?.one;
  } catch (error) {
    if (error instanceof PiriError) return messageOf(error);
    throw error;
  }
}
