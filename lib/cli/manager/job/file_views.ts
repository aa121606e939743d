import type { Job } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { joint } from "../../../base/signals.ts";
import { complaintOf } from "../../errors.ts";
import type { Terminal } from "../../terminal.ts";
import type { RetryingClient } from "../retrying_client.ts";
import type { JobBoard } from "./board.ts";
import { JobFollower, jobHasEnded } from "./job_follower.ts";
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
 * Makes folders and empty files before anything runs, so that what cannot be written is told at once. Those that are
 * still empty when it is disposed of are removed: nothing ran.
 *
 * @throws {PiriError} INVALID_ARGUMENT, DENIED or DISK
 */
export async function prepareFiles(
  { flags: { out, junit, summary }, terminal: { files } }: FileContext,
): Promise<AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const note = (paths: readonly string[]) => {
    for (const path of paths) made.defer(() => files.removeEmpty(path));
  };
  if (out !== undefined) note(await files.makeFolder(out));
  for (const path of [junit, summary]) {
    if (path !== undefined) note(await files.makeFile(path));
  }
  return made.move();
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

/** End of what shows a job. */
export interface Shown {
  readonly exitCode: number;
  /** Error to throw once the files are written. */
  readonly error?: unknown;
}

/**
 * Writes the files of a job as it goes on, while something else shows it. Returns its exit code. A file that cannot be
 * written aborts the signal of what shows it.
 *
 * @param show Shows the job until it has ended. The files of one that it leaves before, by a rejection, say how far it
 *   has come.
 * @throws what `show` rejects with or returns as its error, and DISK or DENIED
 */
export async function withFiles(
  job: Job,
  { client, signal, ...context }: FileContext & {
    readonly client: RetryingClient;
    readonly signal: AbortSignal;
  },
  show: (signal: AbortSignal) => Promise<Shown>,
): Promise<number> {
  const views = fileViews(context);
  const view = joinedViews(views);
  const follower = new JobFollower(job, { client, view });
  const { board } = follower;
  const close = (exitCode: number) =>
    view.close(board, { exitCode, hasEnded: jobHasEnded(board.job) });
  const stop = new AbortController();
  using either = joint([signal, stop.signal]);
  const following = views.length === 0
    ? Promise.resolve()
    : follower.follow(either.signal);
  following.catch((error) => stop.abort(error)); // it is awaited below, too
  let shown: Shown;
  try {
    shown = await show(either.signal);
    await following;
  } catch (error) {
    stop.abort(error);
    await following.catch(() => {});
    await close(complaintOf(error).exitCode);
    throw error;
  }
  await close(shown.exitCode);
  if (shown.error !== undefined) throw shown.error;
  return shown.exitCode;
}
