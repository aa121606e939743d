import {
  JobOrder,
  JobState,
  OnDisconnect,
} from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Job,
  JobEntry,
  Share,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { isoTime } from "../../time.ts";
import { hex, parsed, signedJson, text, time } from "../json_values.ts";
import { labelOf, tallyOf } from "./entry_state.ts";

// What `--json` prints about jobs: a contract. Ids and byte counts are decimal strings, times ISO 8601 in UTC, what is
// absent null.

const STATES: Readonly<Record<JobState, string>> = {
  [JobState.UNSPECIFIED]: "running",
  [JobState.RUNNING]: "running",
  [JobState.PAUSED]: "paused",
  [JobState.SUCCEEDED]: "succeeded",
  [JobState.FAILED]: "failed",
  [JobState.STOPPED]: "stopped",
  [JobState.CANCELLED]: "cancelled",
  [JobState.EXPIRED]: "expired",
};

/** Names of the states of a job. */
export const JOB_STATES: readonly string[] = [
  ...new Set(Object.values(STATES)),
];

/** Name of a job's state; one that this build does not know yet counts as running. */
export function jobStateName(state: JobState): string {
  return STATES[state] ?? "running";
}

/** State of a name. */
export function jobStateOf(name: string): JobState {
  return JobState.RUNNING + JOB_STATES.indexOf(name);
}

/** A job as JSON. */
export function jobJson(job: Job): Record<string, unknown> {
  const { targets, limits } = job;
  return {
    id: `j-${job.id}`,
    state: jobStateName(job.state),
    targets: targets?.expressions ?? [],
    exclude: targets?.exclude ?? [],
    operation: job.operation,
    params: parsed(job.params),
    timeoutMs: job.timeoutMs ?? null,
    onDisconnect: job.onDisconnect === OnDisconnect.KILL ? "kill" : "continue",
    killAfterMs: job.killAfterMs ?? null,
    survive: job.survive,
    limits: {
      batch: shareJson(limits?.batch),
      canary: shareJson(limits?.canary),
      canaryTargets: limits?.canaryTargets ?? [],
      maxFailures: shareJson(limits?.maxFailures),
      cancelRest: limits?.cancelRest ?? false,
      pauseMs: number(limits?.pauseMs),
      order: limits?.order === JobOrder.RANDOM ? "random" : "name",
      deadlineMs: number(limits?.deadlineMs),
      queueMs: number(limits?.queueMs),
      supersede: text(limits?.supersedeKey ?? ""),
    },
    name: text(job.name),
    note: text(job.note),
    requestedBy: text(job.requestedBy),
    saidBy: text(job.saidBy),
    signed: signedJson(job.signed),
    createdAt: isoTime(job.createdAtMs),
    finishedAt: time(job.finishedAtMs),
    reason: text(job.reason),
    rerunOf: job.rerunOf === undefined ? null : `j-${job.rerunOf}`,
    cancelRequestedAt: time(job.cancelRequestedAtMs),
    cancelRequestedBy: text(job.cancelRequestedBy),
    counts: { total: job.counts?.total ?? 0, ...tallyOf(job) },
  };
}

/** An agent of a job as JSON. */
export function entryJson(
  entry: JobEntry,
  jobId: bigint,
): Record<string, unknown> {
  return {
    job: `j-${jobId}`,
    position: entry.position,
    id: entry.commandId === undefined ? null : String(entry.commandId),
    agent: entry.agent,
    state: labelOf(entry),
    canary: entry.canary,
    exitCode: entry.exitCode ?? null,
    signal: text(entry.signal),
    startedAt: time(entry.startedAtMs),
    finishedAt: time(entry.finishedAtMs),
    stdoutBytes: String(entry.stdoutBytes),
    stderrBytes: String(entry.stderrBytes),
    stdoutSha256: hex(entry.stdoutSha256),
    stderrSha256: hex(entry.stderrSha256),
    hashOfKept: entry.hashOfKept,
    truncated: entry.truncated,
    presumed: entry.presumed,
    reason: text(entry.reason),
    errorCode: text(entry.errorCode),
    changed: entry.changed,
    unreachableSince: time(entry.unreachableSinceMs),
  };
}

function shareJson(share: Share | undefined): string | number | null {
  if (share?.share.case === "percent") return `${share.share.value}%`;
  return share?.share.value ?? null;
}

function number(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}
