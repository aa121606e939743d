import { allowsKind } from "./event_filter.ts";
import { PiriError } from "./errors.ts";
import { didYouMean } from "./nearest.ts";

/** Kinds of events, in the order of the alphabet. */
export const EVENT_KINDS = [
  "agent_added",
  "agent_connected",
  "agent_disconnected",
  "agent_instance",
  "agent_joined",
  "agent_pending",
  "agent_policy",
  "agent_refused",
  "agent_removed",
  "agent_renamed",
  "agent_replaced",
  "agent_revoked",
  "agent_rotated",
  "agent_set",
  "agent_token",
  "approval_asked",
  "approval_expired",
  "approval_given",
  "approval_refused",
  "approval_rejected",
  "approval_signed",
  "approval_started",
  "approval_withdrawn",
  "audit_contradicted",
  "certificate_due",
  "certificate_renewed",
  "command_cancelled",
  "command_failed",
  "command_found",
  "command_given_up",
  "command_lost",
  "command_progress",
  "command_refused",
  "command_requested",
  "command_rerun",
  "command_succeeded",
  "command_timed_out",
  "drift_failed",
  "drift_found",
  "drift_gone",
  "drift_heal_failed",
  "events_dropped",
  "job_cancelled",
  "job_ended",
  "job_expired",
  "job_paused",
  "job_resumed",
  "job_started",
  "job_stopped",
  "key_rotation",
  "manager_started",
  "manager_stopped",
  "result_ignored",
  "run",
  "storage_failed",
  "storage_recovered",
  "store_error",
  "webhook_failed",
  "webhook_full",
  "webhook_given_up",
  "webhook_recovered",
] as const;

/** Kind of an event. */
export type EventKind = typeof EVENT_KINDS[number];

/**
 * Checks kinds that somebody asks for: each is one, or the beginning of some with an asterisk behind it.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireKinds(wanted: readonly string[]): void {
  for (const kind of wanted) {
    const filter = { agents: [], kinds: [kind] };
    if (EVENT_KINDS.some((each) => allowsKind(filter, each))) continue;
    const hint = didYouMean(kind.replace(/\*$/, ""), EVENT_KINDS, "");
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot show events of the kind "${kind}": there is no such kind${
        hint === "" ? "" : `; ${hint}`
      }`,
    );
  }
}
