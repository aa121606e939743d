import type {
  JobEntry,
  Progress,
  StorageState,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { StreamPosition } from "../view.ts";
import type { EntryChange, JobBoard } from "./board.ts";

/** A piece of output of a job's agent. */
export interface OutputPiece extends StreamPosition {
  readonly bytes: Uint8Array;
  /** Arrival at the Manager, in milliseconds since 1970; null if it did not note it. */
  readonly atMs: number | null;
}

/** Shows a job while it runs. Everything about one agent arrives in order and once. */
export interface JobView {
  /** True if the output of all agents is to be told as it comes. */
  readonly wantsOutput: boolean;
  /** Begins: the job is known, and none of its entries. */
  begin(board: JobBoard): Promise<void>;
  /** Shows a new state of the job itself. */
  job(board: JobBoard): Promise<void>;
  /** Shows an entry that is new or has changed, after all output of one that has ended. */
  entry(change: EntryChange, board: JobBoard): Promise<void>;
  output(entry: JobEntry, piece: OutputPiece): Promise<void>;
  /** Shows that `length` bytes from the position on were not kept. */
  cut(
    entry: JobEntry,
    position: StreamPosition,
    length: bigint,
  ): Promise<void>;
  progress(entry: JobEntry, progress: Progress): Promise<void>;
  /** Shows that no more output of this agent will come, though there is some. */
  cutOff(entry: JobEntry, reason: string): Promise<void>;
  /** Shows that the Manager cannot write its database, or can again: until then nothing starts or ends. */
  storage(state: StorageState): Promise<void>;
  /** Shows a message of this program. */
  note(text: string): Promise<void>;
  /** Takes away what is redrawn, and ends the view without a word: what it prints is lost. */
  abandon(): Promise<void>;
  /** Ends the view: at the end of the job, or when nobody waits any longer. */
  close(board: JobBoard, end: JobEnd): Promise<void>;
}

/** End of following a job. */
export interface JobEnd {
  readonly exitCode: number;
  /** True if the job has ended; false if nobody waits for its end. */
  readonly hasEnded: boolean;
}

const nothing = () => Promise.resolve();

/** Shows nothing. */
export const silentJobView: JobView = {
  wantsOutput: false,
  begin: nothing,
  job: nothing,
  entry: nothing,
  output: nothing,
  cut: nothing,
  progress: nothing,
  cutOff: nothing,
  storage: nothing,
  note: nothing,
  abandon: nothing,
  close: nothing,
};

/** Several views as one, in this order. */
export function joinedViews(views: readonly JobView[]): JobView {
  const all = (tell: (view: JobView) => Promise<void>) => async () => {
    for (const view of views) await tell(view);
  };
  return {
    wantsOutput: views.some(({ wantsOutput }) => wantsOutput),
    begin: (board) => all((view) => view.begin(board))(),
    job: (board) => all((view) => view.job(board))(),
    entry: (change, board) => all((view) => view.entry(change, board))(),
    output: (entry, piece) => all((view) => view.output(entry, piece))(),
    cut: (entry, position, length) =>
      all((view) => view.cut(entry, position, length))(),
    progress: (entry, progress) =>
      all((view) => view.progress(entry, progress))(),
    cutOff: (entry, reason) => all((view) => view.cutOff(entry, reason))(),
    storage: (state) => all((view) => view.storage(state))(),
    note: (text) => all((view) => view.note(text))(),
    abandon: all((view) => view.abandon()),
    close: (board, end) => all((view) => view.close(board, end))(),
  };
}
