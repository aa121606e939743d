import { JobState } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { oneLine } from "../../text.ts";
import { durationText } from "../../time.ts";
import type { JobBoard } from "./board.ts";
import {
  ENTRY_LABELS,
  type EntryLabel,
  labelOf,
  labelText,
  OPEN_LABELS,
  tallyOf,
} from "./entry_state.ts";

/** Order of a summary: what succeeded, what did not, what has not ended. */
const ORDER: readonly EntryLabel[] = [
  ...ENTRY_LABELS.filter((label) => !OPEN_LABELS.has(label)),
  ...ENTRY_LABELS.filter((label) => OPEN_LABELS.has(label)),
];

/** Lines that say how a job stands: counts, then the agents that did not succeed, by state and with folded names. */
export function summaryLines(
  board: JobBoard,
  { elapsedMs }: { readonly elapsedMs: number },
): string[] {
  const head = `j-${board.job.id}: ${countsText(board)} in ${
    durationText(elapsedMs)
  }${jobEndText(board.job)}`;
  const lines = othersOf(board.entries).map(({ label, reason, names }) =>
    `  ${labelText(label)}: ${foldNames(names)}${
      reason === "" ? "" : ` (${oneLine(reason)})`
    }`
  );
  return [oneLine(head), ...lines, ...hintLines(board)];
}

/** Command line for those that did not do it, once the job has ended. */
function hintLines({ job, tally }: JobBoard): string[] {
  const didNot = ENTRY_LABELS.some((label) =>
    label !== "succeeded" && tally[label] > 0
  );
  return job.state > JobState.PAUSED && didNot
    ? [`hint: piri-manager job rerun j-${job.id} --failed`]
    : [];
}

/** Counts of a job as the Manager tells them, such as "340 ok, 2 failed". */
export function jobCountsText(job: Pick<Job, "counts">): string {
  return countsText({ tally: tallyOf(job) });
}

/** Counts of a job's entries, such as "340 ok, 2 failed". */
export function countsText({ tally }: Pick<JobBoard, "tally">): string {
  const counts = ORDER.filter((label) => tally[label] > 0)
    .map((label) => `${tally[label]} ${labelText(label)}`);
  return counts.length === 0 ? "no agents" : counts.join(", ");
}

const EARLY_ENDS: Partial<Record<JobState, string>> = {
  [JobState.STOPPED]: "stopped",
  [JobState.CANCELLED]: "cancelled",
  [JobState.EXPIRED]: "its deadline passed",
};

/** Early end of a job and its reason; empty if it did not end early. */
export function jobEndText({ state, reason }: Job): string {
  const end = EARLY_ENDS[state];
  if (end === undefined) return "";
  if (reason.startsWith(end)) return `; ${reason}`;
  return reason === "" ? `; ${end}` : `; ${end}: ${reason}`;
}

/** Agents that ended alike and did not succeed. */
export interface Others {
  readonly label: EntryLabel;
  /** Reason of an end without a command. Reasons of commands may differ from agent to agent. */
  readonly reason: string;
  readonly names: readonly string[];
}

/** All that did not succeed, by state and reason. */
export function othersOf(entries: Iterable<JobEntry>): Others[] {
  const byEnd = new Map<string, Others & { names: string[] }>();
  for (const entry of entries) {
    const label = labelOf(entry);
    if (label === "succeeded") continue;
    const reason = entry.commandId === undefined ? entry.reason : "";
    const key = `${label} ${reason}`;
    const alike = byEnd.get(key);
    if (alike === undefined) {
      byEnd.set(key, { label, reason, names: [entry.agent] });
    } else alike.names.push(entry.agent);
  }
  return [...byEnd.values()].toSorted((one, other) =>
    ORDER.indexOf(one.label) - ORDER.indexOf(other.label)
  );
}
