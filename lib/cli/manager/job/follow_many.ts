import type { Job } from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { PiriError } from "../../../base/errors.ts";
import { complaintOf, ExitError } from "../../errors.ts";
import { ExitCode } from "../../exit_code.ts";
import { OutputLost, type Terminal } from "../../terminal.ts";
import { endWithin, tellLoss } from "../lost_output.ts";
import type { Patience } from "../patience.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { exitCodeOfJob } from "./entry_state.ts";
import { JobFollower, jobHasEnded } from "./job_follower.ts";
import { countsText } from "./summary_text.ts";
import type { ViewFlagValues } from "./view_flags.ts";
import { viewsOf } from "./views.ts";

/** Surroundings of a job of many agents. */
export interface FollowManyOptions {
  readonly client: RetryingClient;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly flags: ViewFlagValues;
  /** Limit on the waiting. */
  readonly patience: Pick<Patience, "signal" | "cancels">;
  /** Hands over the function that shows messages among the output. */
  readonly onNote: (note: (text: string) => void) => void;
  /** True if the job is cancelled when its output can be written no more. */
  readonly cancelsUnseen: boolean;
}

/** Shows a job of many agents until it ends. Returns its exit code. */
export async function followMany(
  job: Job,
  options: FollowManyOptions,
): Promise<number> {
  const { client, terminal, patience, json } = options;
  const { signal } = patience;
  const view = viewsOf({ ...options, signal });
  const follower = new JobFollower(job, {
    client,
    view,
  });
  const { board } = follower;
  options.onNote((text) => void view.note(text).catch(() => {}));
  patience.cancels(follower);
  const close = (exitCode: number) =>
    view.close(board, { exitCode, hasEnded: jobHasEnded(board.job) });
  try {
    try {
      await view.begin(board);
      await follower.follow(signal);
    } catch (error) {
      if (!(error instanceof OutputLost)) {
        await close(complaintOf(error).exitCode);
      }
      throw error;
    }
    const exitCode = exitCodeOfJob(board.job, board.entries);
    await close(exitCode);
    return exitCode;
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    follower.mute();
    if (options.cancelsUnseen && !jobHasEnded(follower.job)) {
      await endWithin(follower, terminal, signal);
    }
    return await tellUnseen(error, follower, { terminal, json });
  }
}

/** Tells in one line what became of a job whose output can be written no more. */
async function tellUnseen(
  lost: OutputLost,
  follower: JobFollower,
  options: { readonly terminal: Terminal; readonly json: boolean },
): Promise<number> {
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
