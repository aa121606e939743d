import type { JobEntry } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { OutFiles } from "../../out_files.ts";
import type { EntryChange, JobBoard } from "./board.ts";
import { entryHasEnded } from "./entry_state.ts";
import { entryJson, jobJson } from "./job_json.ts";
import {
  type JobEnd,
  type JobView,
  type OutputPiece,
  silentJobView,
} from "./job_view.ts";

/** Writes the output of each agent to files as it comes, and at the end a summary. */
export function outFolderView(dir: string, files: OutFiles): JobView {
  const begun = new Set<string>();
  const append = async (path: string, bytes: Uint8Array) => {
    await files.write(path, bytes, { append: begun.has(path) });
    begun.add(path);
  };
  const pathOf = ({ agent }: JobEntry, stream: string) =>
    `${dir}/${agent}.${stream}`;
  return {
    ...silentJobView,
    wantsOutput: true,
    output: (entry: JobEntry, { stream, bytes }: OutputPiece) =>
      append(pathOf(entry, stream), bytes),
    async entry({ entry }: EntryChange) {
      if (entry.commandId === undefined || !entryHasEnded(entry)) return;
      // One that printed nothing has empty files, so that it differs from one that did not run.
      for (const stream of ["stdout", "stderr"]) {
        const path = pathOf(entry, stream);
        if (!begun.has(path)) await append(path, new Uint8Array());
      }
    },
    async close({ job, entries }: JobBoard, { exitCode }: JobEnd) {
      const summary = {
        job: jobJson(job),
        exitCode,
        entries: entries.map((entry) => entryJson(entry, job.id)),
      };
      await files.write(
        `${dir}/summary.json`,
        `${JSON.stringify(summary, null, 2)}\n`,
      );
    },
  };
}
