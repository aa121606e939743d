import type {
  Job,
  JobEntry,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { askerText } from "../../base/asker.ts";
import { approvalName } from "../../base/approval_name.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { durationText, localTime } from "../time.ts";
import { askOver } from "./command_places.ts";
import { JobBoard } from "./job/board.ts";
import { entryText, labelOf } from "./job/entry_state.ts";
import { limitsText, targetsText } from "./job/head_line.ts";
import { entryJson, jobJson, jobStateName } from "./job/job_json.ts";
import { placedEntries } from "./job/placed_entries.ts";
import { elapsedOf } from "./job/status_line.ts";
import { countsText, othersOf } from "./job/summary_text.ts";
import { allEntries } from "./job_ids.ts";
import { requestText } from "./request_text.ts";
import type { Control } from "./services.ts";
import { answered } from "./ids.ts";

/** Shows a job, and its agents by state; with `entries`, one line for each agent. */
export async function showJob(
  jobId: bigint,
  { control, output, json, entries: lists, now }: {
    readonly control: Control;
    readonly output: Output;
    readonly json: boolean;
    readonly entries: boolean;
    readonly now: number;
  },
): Promise<void> {
  const job = answered(
    (await control.jobs.getJob({ jobId })).job,
    `show job j-${jobId}`,
  );
  if (json) await output.value(jobJson(job));
  const board = new JobBoard(job);
  const entries: JobEntry[] = [];
  for await (const entry of allEntries(control, jobId)) {
    if (json) await output.value(entryJson(entry, jobId));
    else entries.push(entry);
  }
  if (json) return;
  const placed = await placedEntries(entries, { job, ask: askOver(control) });
  for (const entry of placed) board.take(entry);
  await output.facts({
    ...factsOf(job, board, now),
    ...await approvedBy(control, jobId),
  });
  if (lists) {
    await output.line("");
    await output.list(board.entries, {
      json: (entry) => entryJson(entry, jobId),
      columns: {
        AGENT: ({ agent }) => agent,
        COMMAND: ({ commandId }) => String(commandId ?? ""),
        STATE: (entry) => entryText(entry, job),
        STDOUT: ({ stdoutBytes }) => String(stdoutBytes),
        STDERR: ({ stderrBytes }) => String(stderrBytes),
      },
    });
  }
}

/** Shows an agent of a job that has no command. Returns the exit code. */
export async function showEntry(
  entry: JobEntry,
  { jobId, control, output, json }: {
    readonly jobId: bigint;
    readonly control: Control;
    readonly output: Output;
    readonly json: boolean;
  },
): Promise<ExitCode> {
  if (json) {
    await output.value(entryJson(entry, jobId));
    return ExitCode.ok;
  }
  const answer = await control.jobs.getJob({ jobId });
  const job = answered(answer.job, `show job j-${jobId}`);
  await output.facts({
    entry: `j-${job.id}/${entry.agent}`,
    state: labelOf(entry),
    reason: entry.reason,
    job: requestText(job),
    "away since": time(entry.unreachableSinceMs),
  });
  return ExitCode.ok;
}

/** Users who have approved a job, if it needed approvals. */
async function approvedBy(
  control: Control,
  jobId: bigint,
): Promise<Record<string, string>> {
  const { approvals } = await control.approvals.listApprovals({ jobId });
  const [approval] = approvals;
  if (approval === undefined) return {};
  const by = approval.approvals.map(({ by }) => by).join(", ");
  return { "approved by": `${by} (${approvalName(approval.id)})` };
}

function factsOf(
  job: Job,
  board: JobBoard,
  now: number,
): Record<string, string> {
  const ok = board.entries.filter((entry) => labelOf(entry) === "succeeded");
  return {
    job: `j-${job.id}`,
    name: job.name,
    note: job.note,
    state: jobStateName(job.state),
    reason: job.reason,
    runs: requestText(job),
    on: targetsText(job),
    limits: limitsText(job),
    survives: job.survive ? "the ends of the agents" : "",
    agents: countsText(board),
    ...ok.length === 0 ? {} : { ok: foldNames(ok.map(({ agent }) => agent)) },
    ...Object.fromEntries(
      othersOf(board.entries).map(({ label, reason, names }) => [
        reason === ""
          ? label.replace("_", " ")
          : `${label.replace("_", " ")} (${reason})`,
        foldNames(names),
      ]),
    ),
    created: time(job.createdAtMs),
    finished: time(job.finishedAtMs),
    time: durationText(elapsedOf(job, now)),
    "cancel asked": time(job.cancelRequestedAtMs),
    repeats: job.rerunOf === undefined ? "" : `j-${job.rerunOf}`,
    "requested by": askerText(job),
  };
}

function time(ms: bigint | undefined): string {
  return ms === undefined ? "" : localTime(Number(ms));
}
