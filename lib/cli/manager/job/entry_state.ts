import {
  CommandState,
  EntryState,
  JobState,
} from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Command,
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { ExitCode, worst } from "../../exit_code.ts";
import { exitCodeOfCommand, outcomeText, stateName } from "../states.ts";

/** States of a job's agents as people and `--json` read them, in the order of a summary. */
export const ENTRY_LABELS = [
  "running",
  "waiting",
  "queued",
  "succeeded",
  "failed",
  "timed_out",
  "refused",
  "lost",
  "cancelled",
  "unreachable",
  "expired",
  "skipped",
  "superseded",
] as const;

/** State of an agent of a job: that of its entry, or of its command if it has one. */
export type EntryLabel = typeof ENTRY_LABELS[number];

/** Labels of entries that have not ended. */
export const OPEN_LABELS: ReadonlySet<EntryLabel> = new Set([
  "running",
  "waiting",
  "queued",
]);

const LABELS: Partial<Record<EntryState, EntryLabel>> = {
  [EntryState.WAITING]: "waiting",
  [EntryState.QUEUED]: "queued",
  [EntryState.UNREACHABLE]: "unreachable",
  [EntryState.EXPIRED]: "expired",
  [EntryState.SKIPPED]: "skipped",
  [EntryState.SUPERSEDED]: "superseded",
  [EntryState.REFUSED]: "refused",
  [EntryState.LOST]: "lost",
};

/** Label of an entry; an unknown state counts as running. */
export function labelOf({ state, commandState }: JobEntry): EntryLabel {
  const label = LABELS[state];
  if (label !== undefined) return label;
  const name = stateName(commandState);
  return name === "queued" || name === "sent" ? "running" : name;
}

/** Number of entries of a job by label, as the Manager counts them. */
export function tallyOf(
  { counts }: Pick<Job, "counts">,
): Record<EntryLabel, number> {
  return {
    running: counts?.running ?? 0,
    waiting: counts?.waiting ?? 0,
    queued: counts?.queued ?? 0,
    succeeded: counts?.succeeded ?? 0,
    failed: counts?.failed ?? 0,
    timed_out: counts?.timedOut ?? 0,
    refused: counts?.refused ?? 0,
    lost: counts?.lost ?? 0,
    cancelled: counts?.cancelled ?? 0,
    unreachable: counts?.unreachable ?? 0,
    expired: counts?.expired ?? 0,
    skipped: counts?.skipped ?? 0,
    superseded: counts?.superseded ?? 0,
  };
}

/** A label for people. */
export function labelText(label: EntryLabel): string {
  return label === "succeeded" ? "ok" : label.replace("_", " ");
}

/** True for an entry that has ended. */
export function entryHasEnded(entry: JobEntry): boolean {
  return !OPEN_LABELS.has(labelOf(entry));
}

/** Facts of a job that its commands share; those of its cancel and of a lost connection may be absent. */
export type JobOfCommand =
  & Pick<Job, "operation" | "params" | "timeoutMs" | "onDisconnect">
  & Partial<Pick<Job, "killAfterMs" | "survive" | "cancelRequestedAtMs">>;

/** Fields of a command that its entry does not tell of. */
const UNTOLD = {
  params: "",
  createdAtMs: 0n,
  stdoutBytes: 0n,
  stderrBytes: 0n,
  truncated: false,
  changed: false,
  data: "",
  job: "",
  requestedBy: "",
  cancelRequestedBy: "",
  stdoutSha256: new Uint8Array(),
  stderrSha256: new Uint8Array(),
  hashOfKept: false,
  saidBy: "",
  cancelSaidBy: "",
  masked: 0,
} satisfies Partial<Command>;

/** The command of an entry, as far as the entry tells of it. Its id is 0 without one. */
export function commandOf(
  entry: JobEntry,
  job: JobOfCommand,
): Command {
  const ended = entryHasEnded(entry);
  return {
    ...UNTOLD,
    id: entry.commandId ?? 0n,
    agent: entry.agent,
    operation: job.operation,
    state: entry.commandState,
    ...entry.exitCode === undefined ? {} : { exitCode: entry.exitCode },
    signal: entry.signal,
    presumed: entry.presumed,
    reason: entry.reason,
    errorCode: entry.errorCode,
    ...job.timeoutMs === undefined ? {} : { timeoutMs: job.timeoutMs },
    onDisconnect: job.onDisconnect,
    ...job.killAfterMs === undefined ? {} : { killAfterMs: job.killAfterMs },
    survive: job.survive ?? false,
    ...job.cancelRequestedAtMs === undefined || ended
      ? {}
      : { cancelRequestedAtMs: job.cancelRequestedAtMs },
    ...entry.unreachableSinceMs === undefined || ended
      ? {}
      : { unreachableSinceMs: entry.unreachableSinceMs },
  };
}

/** State or end of an entry for people, such as "failed, exit code 3". */
export function entryText(
  entry: JobEntry,
  job: Parameters<typeof commandOf>[1],
): string {
  if (entry.state === EntryState.STARTED) {
    return labelOf(entry) === "succeeded" && !entry.presumed
      ? "ok"
      : outcomeText(commandOf(entry, job));
  }
  const label = labelText(labelOf(entry));
  return entry.reason === "" ? label : `${label}: ${entry.reason}`;
}

/** Exit codes of ends without a command. */
const END_CODES: Partial<Record<EntryLabel, ExitCode>> = {
  unreachable: ExitCode.unavailable,
  expired: ExitCode.unavailable,
  skipped: ExitCode.cancelled,
  superseded: ExitCode.cancelled,
  lost: ExitCode.lost,
};

/** Exit code for an entry. One that has not ended counts as ok. */
export function exitCodeOfEntry(entry: JobEntry): ExitCode {
  const label = labelOf(entry);
  if (OPEN_LABELS.has(label)) return ExitCode.ok;
  return END_CODES[label] ??
    exitCodeOfCommand({
      state: label === "refused" ? CommandState.REFUSED : entry.commandState,
      errorCode: entry.errorCode,
    });
}

/** Exit codes of ends of jobs that come beside those of their entries. */
const JOB_CODES: Partial<Record<JobState, ExitCode>> = {
  [JobState.STOPPED]: ExitCode.stopped,
  [JobState.EXPIRED]: ExitCode.timedOut,
  [JobState.CANCELLED]: ExitCode.cancelled,
  // Its entries say why; this is for a Manager that counts something that they do not say.
  [JobState.FAILED]: ExitCode.failed,
};

/** The one exit code for a job. */
export function exitCodeOfJob(
  job: Pick<Job, "state">,
  entries: Iterable<JobEntry>,
): ExitCode {
  const codes = new Set<ExitCode>([JOB_CODES[job.state] ?? ExitCode.ok]);
  for (const entry of entries) codes.add(exitCodeOfEntry(entry));
  return worst(codes);
}
