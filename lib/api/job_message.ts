import { create } from "@bufbuild/protobuf";
import {
  EntryState,
  type Job,
  type JobEntry,
  JobEntrySchema,
  type JobLimits as JobLimitsMessage,
  JobLimitsSchema,
  JobOrder,
  JobSchema,
  JobState,
  OnDisconnect,
  type ResolvedNotes,
  ResolvedNotesSchema,
  type Share as ShareMessage,
  ShareSchema,
  type TargetSelection as TargetSelectionMessage,
  TargetSelectionSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { EntryStateName, JobStateName } from "../base/job_state.ts";
import type { EntryView, JobNotes, JobView } from "../manager/api/job_api.ts";
import type { TargetSelection } from "../manager/api/operator_api.ts";
import type { JobLimits, Share } from "../store/job_records.ts";
import { invalid } from "./checks.ts";
import { stateNumber } from "./command_message.ts";
import { signedField } from "./signed_message.ts";
import { missingMessage } from "./target_message.ts";
import { milliseconds, optional, timestamp } from "./values.ts";

const jobStates: Readonly<Record<JobStateName, JobState>> = {
  running: JobState.RUNNING,
  paused: JobState.PAUSED,
  succeeded: JobState.SUCCEEDED,
  failed: JobState.FAILED,
  stopped: JobState.STOPPED,
  cancelled: JobState.CANCELLED,
  expired: JobState.EXPIRED,
};

const entryStates: Readonly<Record<EntryStateName, EntryState>> = {
  waiting: EntryState.WAITING,
  queued: EntryState.QUEUED,
  started: EntryState.STARTED,
  unreachable: EntryState.UNREACHABLE,
  expired: EntryState.EXPIRED,
  skipped: EntryState.SKIPPED,
  superseded: EntryState.SUPERSEDED,
  refused: EntryState.REFUSED,
  lost: EntryState.LOST,
};

const jobStateNames = new Map(
  Object.entries(jobStates).map(([name, state]) =>
    [state, name as JobStateName] as const
  ),
);

/**
 * Name of a state of a job by its number.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function jobStateName(state: JobState): JobStateName {
  const name = jobStateNames.get(state);
  if (name === undefined) throw invalid("states", `${state} is not a state`);
  return name;
}

/** A job as a message of the API. */
export function jobMessage(job: JobView): Job {
  return create(JobSchema, {
    id: job.id,
    state: jobStates[job.state],
    targets: selectionMessage(job.targets),
    operation: job.operation,
    params: job.params,
    ...optional("timeoutMs", job.timeoutMs),
    onDisconnect: job.onDisconnect === "kill"
      ? OnDisconnect.KILL
      : OnDisconnect.CONTINUE,
    ...optional("killAfterMs", job.killAfterMs),
    survive: job.survive,
    limits: limitsMessage(job.limits),
    name: job.name,
    note: job.note,
    requestedBy: job.requestedBy,
    saidBy: job.saidBy,
    createdAtMs: milliseconds(job.createdAt),
    ...timestamp("finishedAtMs", job.finishedAt),
    reason: job.reason,
    ...optional("rerunOf", job.rerunOf),
    ...timestamp("cancelRequestedAtMs", job.cancelRequestedAt),
    cancelRequestedBy: job.cancelRequestedBy,
    counts: { ...job.counts },
    ...signedField(job.signed),
  });
}

function selectionMessage(targets: TargetSelection): TargetSelectionMessage {
  const { limit } = targets;
  return create(TargetSelectionSchema, {
    expressions: [...targets.expressions],
    exclude: [...targets.exclude ?? []],
    connectedOnly: targets.connectedOnly ?? false,
    allowMissing: targets.allowMissing ?? false,
    ...limit === undefined ? {} : {
      limit: "count" in limit
        ? { case: "limitCount" as const, value: limit.count }
        : { case: "limitPercent" as const, value: limit.percent },
    },
    ...optional("seed", targets.seed ?? null),
  });
}

function limitsMessage(limits: JobLimits): JobLimitsMessage {
  return create(JobLimitsSchema, {
    ...share("batch", limits.batch),
    ...share("canary", limits.canary),
    canaryTargets: [...limits.canaryTargets],
    ...share("maxFailures", limits.maxFailures),
    cancelRest: limits.cancelRest,
    ...timestamp("pauseMs", limits.pauseMs ?? null),
    order: limits.order === "random" ? JobOrder.RANDOM : JobOrder.NAME,
    ...timestamp("deadlineMs", limits.deadlineMs ?? null),
    ...timestamp("queueMs", limits.queueMs ?? null),
    supersedeKey: limits.supersedeKey,
  });
}

function share<Field extends string>(
  field: Field,
  value: Share | undefined,
): { [field in Field]?: ShareMessage } {
  return optional(
    field,
    value === undefined ? null : create(ShareSchema, {
      share: "count" in value
        ? { case: "count", value: value.count }
        : { case: "percent", value: value.percent },
    }),
  );
}

/** An agent of a job as a message of the API. */
export function entryMessage(entry: EntryView): JobEntry {
  const { command } = entry;
  const shown = {
    position: entry.position,
    agent: entry.agent,
    state: entryStates[entry.state],
    reason: entry.reason,
    canary: entry.canary,
    ...optional("commandId", entry.commandId),
    ...timestamp("unreachableSinceMs", entry.unreachableSince),
  };
  if (command === null) return create(JobEntrySchema, shown);
  return create(JobEntrySchema, {
    ...shown,
    reason: entry.reason || command.reason,
    commandState: stateNumber(command.state),
    ...optional("exitCode", command.exitCode),
    signal: command.signal ?? "",
    presumed: command.presumed,
    changed: command.changed,
    errorCode: command.errorCode,
    ...timestamp("startedAtMs", command.startedAt),
    ...timestamp("finishedAtMs", command.finishedAt),
    stdoutBytes: command.stdoutHeld,
    stderrBytes: command.stderrHeld,
    ...optional("stdoutSha256", command.stdoutSha256),
    ...optional("stderrSha256", command.stderrSha256),
    hashOfKept: command.hashOfKept,
    truncated: command.truncated,
    ...command.progressCurrent === null ? {} : {
      progress: {
        current: command.progressCurrent,
        total: command.progressTotal ?? 0,
        message: command.progressMessage,
      },
    },
  });
}

/** Remarks on the targets of a job as a message of the API. */
export function notesMessage(notes: JobNotes): ResolvedNotes {
  const { leftOut, seed } = notes;
  return create(ResolvedNotesSchema, {
    missing: notes.missing.map(missingMessage),
    lacking: notes.lacking.map(({ fact, count }) => ({ fact, agents: count })),
    unmatched: [...notes.unmatched],
    gone: [...notes.gone],
    leftOut: {
      retired: leftOut.retired,
      notJoined: leftOut.notJoined,
      away: leftOut.awayNotAsked,
      notSampled: notes.notSampled,
    },
    ...seed === undefined ? {} : { seed },
    expected: [...notes.expected],
    denied: [...notes.denied],
  });
}
