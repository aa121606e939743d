import { JobState } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Job } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { Turns } from "../../../base/turns.ts";
import { OutputLost, type Terminal } from "../../terminal.ts";
import type { JobBoard } from "../job/board.ts";
import { exitCodeOfJob } from "../job/entry_state.ts";
import { EntryWaits, GATHER_MS } from "../job/entry_waits.ts";
import { JobFollower } from "../job/job_follower.ts";
import { type JobView, silentJobView } from "../job/job_view.ts";
import { elapsedOf, statusLine } from "../job/status_line.ts";
import { StatusScreen } from "../job/status_screen.ts";
import { endUnseen } from "../job/unseen_job.ts";
import type { Patience } from "../patience.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { storageText } from "../storage_text.ts";
import { TerminalLine } from "../terminal_line.ts";
import { whileRead } from "../while_read.ts";

/** Means of following the job of a plan. */
export interface FollowOptions {
  readonly client: RetryingClient;
  readonly terminal: Terminal;
  readonly patience: Pick<Patience, "signal" | "cancels" | "isAsked">;
  readonly json: boolean;
  /** Hands over the function that shows messages. */
  readonly onNote: (note: (text: string) => void) => void;
}

/** End of the job of a plan. */
export interface PlanFollowed {
  readonly exitCode: number;
  /** True if it was cancelled, or somebody tried to: then nothing may follow from it. */
  readonly isCancelled: boolean;
}

/** Follows the job of a plan to its end, with a row of progress at a terminal. */
export async function followPlan(
  job: Job,
  { client, terminal, patience, json, onNote }: FollowOptions,
): Promise<PlanFollowed> {
  const { signal } = patience;
  const view = new ProgressView(terminal, !json);
  const follower = new JobFollower(job, { client, view: view.asView() });
  view.board = follower.board;
  onNote((text) => view.say(text));
  patience.cancels(follower);
  try {
    await whileRead(terminal, signal, (signal) => follower.follow(signal));
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    const lost = { terminal, json, signal, cancels: true };
    const exitCode = await endUnseen(error, follower, lost);
    return { exitCode, isCancelled: true };
  } finally {
    await view.close();
  }
  return {
    exitCode: exitCodeOfJob(follower.job, follower.board.entries),
    isCancelled: patience.isAsked ||
      follower.job.state === JobState.CANCELLED,
  };
}

/** One row of progress. What agents print is for the Manager, not for people. */
class ProgressView {
  readonly #terminal: Terminal;
  readonly #screen: StatusScreen;
  readonly #waits: EntryWaits;
  readonly #tellsWaits: boolean;
  board: JobBoard | undefined;

  constructor(terminal: Terminal, shows: boolean) {
    this.#terminal = terminal;
    this.#tellsWaits = shows;
    this.#screen = new StatusScreen(terminal, {
      line: new TerminalLine({
        columns: () => terminal.columns,
        turns: new Turns(),
      }),
      row: shows ? (columns) => this.#row(columns) : undefined,
    });
    this.#waits = new EntryWaits(terminal.clock, {
      gatherMs: GATHER_MS,
      say: (line) => this.#note(line),
    });
  }

  asView(): JobView {
    const changed = () => {
      if (this.#screen.hasRow) this.#screen.changed();
      return Promise.resolve();
    };
    return {
      ...silentJobView,
      job: ({ job }) => {
        this.#waits.update(job);
        return changed();
      },
      entry: async ({ entry }, { job }) => {
        await changed();
        if (this.#tellsWaits) await this.#waits.change(entry, job);
      },
      storage: (state) => this.#note(storageText(state)),
      note: (text) => this.#note(text),
    };
  }

  say(text: string): void {
    this.#screen.say(text);
  }

  #note(text: string): Promise<void> {
    this.say(text);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#waits.close();
    return this.#screen.close();
  }

  #row(columns: number): string {
    if (this.board === undefined) return "";
    const { tally, cutOff, job } = this.board;
    return statusLine({
      tally,
      cutOff,
      isPaused: false,
      elapsedMs: elapsedOf(job, this.#terminal.clock.now()),
    }, columns);
  }
}
