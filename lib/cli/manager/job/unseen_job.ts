import { PiriError } from "../../../base/errors.ts";
import { ExitError } from "../../errors.ts";
import { ExitCode } from "../../exit_code.ts";
import type { OutputLost } from "../../terminal.ts";
import { endWithin, type LossOptions, tellLoss } from "../lost_output.ts";
import { exitCodeOfJob } from "./entry_state.ts";
import { type JobFollower, jobHasEnded } from "./job_follower.ts";
import type { JobView } from "./job_view.ts";
import { countsText } from "./summary_text.ts";

/**
 * Ends following a job whose output can be written no more, and tells in one line what became of it. Returns its exit
 * code.
 *
 * @throws {ExitError} if it has not ended, and with `json` for every exit code but 0
 */
export async function endUnseen(
  lost: OutputLost,
  follower: JobFollower,
  { cancels, signal, rest, ...options }: LossOptions & {
    /** True to cancel it, and to wait for its end for a while. */
    readonly cancels: boolean;
    readonly signal: AbortSignal;
    /** View that goes on. */
    readonly rest?: JobView;
  },
): Promise<number> {
  await follower.mute(rest);
  if (cancels && !jobHasEnded(follower.job)) {
    await endWithin(follower, options.terminal, signal);
  }
  const { board, cancelRequested, subject } = follower;
  if (jobHasEnded(board.job)) {
    const exitCode = exitCodeOfJob(board.job, board.entries);
    const what = `${subject}: ${countsText(board)}`;
    return await tellLoss(lost, what, { ...options, exitCode });
  }
  throw new ExitError(
    new PiriError(
      "CANCELLED",
      `${lost.message}; ${subject}: ${
        cancelRequested
          ? "cancel requested, its end is not known yet"
          : "what runs goes on"
      }`,
    ),
    cancelRequested ? ExitCode.cancelled : ExitCode.left,
  );
}
