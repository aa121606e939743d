import type {
  Job,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Terminal } from "../../terminal.ts";
import type { RetryingClient } from "../retrying_client.ts";
import type { JobBoard } from "./board.ts";
import { JobFollower } from "./job_follower.ts";
import { type JobView, joinedViews, silentJobView } from "./job_view.ts";
import { junitText } from "./junit.ts";
import { markdownText } from "./markdown.ts";
import { outFolderView } from "./out_folder.ts";
import type { ViewFlagValues } from "./view_flags.ts";

/** Flags for files. */
export type FileFlagValues = Pick<ViewFlagValues, "out" | "junit" | "summary">;

/** Files that flags ask for, and where they are written. */
export interface FileContext {
  readonly flags: FileFlagValues;
  readonly terminal: Terminal;
}

/**
 * Makes folders and empty files before anything runs, so that what cannot be written is told at once.
 *
 * @throws {PiriError} INVALID_ARGUMENT, DENIED or DISK
 */
export async function prepareFiles(
  { flags: { out, junit, summary }, terminal: { files } }: FileContext,
): Promise<void> {
  if (out !== undefined) await files.makeFolder(out);
  for (const path of [junit, summary]) {
    if (path !== undefined) await files.write(path, "");
  }
}

/** Views that write the files. */
export function fileViews(
  { flags: { out, junit, summary }, terminal }: FileContext,
): JobView[] {
  const { files, clock } = terminal;
  const report = (path: string, textOf: (board: JobBoard) => string) => ({
    ...silentJobView,
    close: (board: JobBoard) => files.write(path, textOf(board)),
  });
  return [
    ...out === undefined ? [] : [outFolderView(out, files)],
    ...junit === undefined
      ? []
      : [report(junit, ({ job, entries }) => junitText(job, entries))],
    ...summary === undefined ? [] : [
      report(summary, (board) => markdownText(board, { now: clock.now() })),
    ],
  ];
}

/** Writes the files of a job that was shown in another way, once it has ended. */
export async function writeFiles(
  job: Job,
  { client, signal, exitCode, ...context }: FileContext & {
    readonly client: RetryingClient;
    readonly signal: AbortSignal;
    readonly exitCode: number;
  },
): Promise<void> {
  const views = fileViews(context);
  if (views.length === 0) return;
  const view = joinedViews(views);
  const follower = new JobFollower(job, { client, view });
  await follower.follow(signal);
  await view.close(follower.board, { exitCode, hasEnded: true });
}
