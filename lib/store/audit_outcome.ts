import { jobName } from "../base/job_state.ts";
import type { JobRecord, MovedEntry } from "./job_records.ts";
import type { AgentRecord, CommandRecord } from "./records.ts";

/** Most superseded jobs that an outcome names. */
const MAX_NAMED = 20;

/** Outcome of a change of agents; undefined if it changed none. */
export function changedText(
  { length }: readonly AgentRecord[],
): string | undefined {
  if (length === 0) return undefined;
  return length === 1 ? "1 agent changed" : `${length} agents changed`;
}

/** Outcome of a request for commands; undefined if it was made before. */
export function startedText(
  { commands, repeated }: {
    readonly commands: readonly CommandRecord[];
    readonly repeated: boolean;
  },
): string | undefined {
  if (repeated) return undefined;
  const [first] = commands;
  const last = commands.at(-1);
  if (first === undefined || last === undefined) return "";
  return first === last
    ? `command ${first.id}`
    : `commands ${first.id} to ${last.id}`;
}

/** Outcome of a request for a job; undefined if it was made before. */
export function madeText(
  { job, moved, repeated }: {
    readonly job: JobRecord;
    /** Entries of other jobs that it has superseded. */
    readonly moved: readonly MovedEntry[];
    readonly repeated: boolean;
  },
): string | undefined {
  if (repeated) return undefined;
  const agents = job.total === 1 ? "1 agent" : `${job.total} agents`;
  const made = `job ${jobName(job.id)}, ${agents}`;
  const names = [...new Set(moved.map((entry) => jobName(entry.job)))];
  if (names.length === 0) return made;
  const rest = names.length - MAX_NAMED;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  const superseded = [...names.slice(0, MAX_NAMED), ...more].join(", ");
  return `${made}, supersedes ${superseded}`;
}
