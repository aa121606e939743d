import { jobName } from "../base/job_state.ts";
import type { JobRecord } from "./job_records.ts";
import type { AgentRecord, CommandRecord } from "./records.ts";

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
  { job, repeated }: { readonly job: JobRecord; readonly repeated: boolean },
): string | undefined {
  if (repeated) return undefined;
  const agents = job.total === 1 ? "1 agent" : `${job.total} agents`;
  return `job ${jobName(job.id)}, ${agents}`;
}
