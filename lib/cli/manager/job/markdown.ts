import type {
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { oneLine } from "../../text.ts";
import { durationText } from "../../time.ts";
import { requestText } from "../request_text.ts";
import { type JobBoard } from "./board.ts";
import { entryText, labelOf, labelText } from "./entry_state.ts";
import { targetsText } from "./head_line.ts";
import { elapsedOf } from "./status_line.ts";
import { countsText, jobEndText, othersOf } from "./summary_text.ts";

/** Most failures that are listed one by one. */
const MAX_FAILURES = 50;

/** A summary of a job in Markdown, for the pages of CI systems. */
export function markdownText(
  board: JobBoard,
  { now }: { now: number },
): string {
  const { job, entries } = board;
  const title = job.name === "" ? `j-${job.id}` : `${job.name} (j-${job.id})`;
  return [
    `### ${escaped(title)}: ${escaped(countsText(board))}`,
    "",
    `${code(requestText(job))} on ${code(targetsText(job))}, ${
      durationText(elapsedOf(job, now))
    }${escaped(jobEndText(job))}`,
    "",
    ...table(entries),
    ...failures(entries, job),
  ].join("\n");
}

function table(entries: readonly JobEntry[]): string[] {
  const ok = entries.filter((entry) => labelOf(entry) === "succeeded")
    .map(({ agent }) => agent);
  const rows = [
    ...ok.length === 0 ? [] : [["ok", ok.length, foldNames(ok), ""]],
    ...othersOf(entries).map(({ label, reason, names }) => [
      labelText(label),
      names.length,
      foldNames(names),
      reason,
    ]),
  ];
  return [
    "| State | Agents | Names | Reason |",
    "| --- | ---: | --- | --- |",
    ...rows.map(([state, count, names, reason]) =>
      `| ${state} | ${count} | ${code(String(names))} | ${
        escaped(String(reason))
      } |`
    ),
    "",
  ];
}

function failures(entries: readonly JobEntry[], job: Job): string[] {
  const failed = entries.filter((entry) =>
    entry.commandId !== undefined && labelOf(entry) !== "succeeded"
  );
  if (failed.length === 0) return [];
  const more = failed.length - MAX_FAILURES;
  return [
    ...failed.slice(0, MAX_FAILURES).map((entry) =>
      `- ${code(entry.agent)}: ${escaped(entryText(entry, job))}`
    ),
    ...more > 0 ? [`- and ${more} more`] : [],
    "",
  ];
}

/** Text that Markdown and HTML in it leave as it is, in a cell of a table. */
function escaped(text: string): string {
  return oneLine(text).replaceAll(/[\\`*_{}[\]<>#+!|~&]/g, "\\$&");
}

function code(text: string): string {
  const line = oneLine(text).replaceAll("|", "\\|");
  const ticks = Math.max(
    0,
    ...[...line.matchAll(/`+/g)].map(([run]) => run.length),
  );
  const fence = "`".repeat(ticks + 1);
  return ticks === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}
