import type { Job } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { complaintOf } from "../../errors.ts";
import { OutputLost, type Terminal } from "../../terminal.ts";
import type { Patience } from "../patience.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { whileRead } from "../while_read.ts";
import { exitCodeOfJob } from "./entry_state.ts";
import { JobFollower, jobHasEnded } from "./job_follower.ts";
import { endUnseen } from "./unseen_job.ts";
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
  const { all: view, unseen } = viewsOf({ ...options, signal });
  const follower = new JobFollower(job, {
    client,
    view,
  });
  const { board } = follower;
  options.onNote((text) => void view.note(text).catch(() => {}));
  patience.cancels(follower);
  const close = (exitCode: number, closed = view) =>
    closed.close(board, { exitCode, hasEnded: jobHasEnded(board.job) });
  try {
    try {
      await view.begin(board);
      await whileRead(terminal, signal, (signal) => follower.follow(signal));
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
    const cancels = options.cancelsUnseen;
    const loss = { terminal, json, signal, cancels, rest: unseen };
    try {
      const exitCode = await endUnseen(error, follower, loss);
      await close(exitCode, unseen);
      return exitCode;
    } catch (error) {
      await close(complaintOf(error).exitCode, unseen);
      throw error;
    }
  }
}
