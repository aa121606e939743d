import type {
  Job,
  JobEntry,
  Progress,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import type { Terminal } from "../../terminal.ts";
import type { LiveView } from "../live_view.ts";
import type { StreamPosition } from "../view.ts";
import type { EntryChange, JobBoard } from "./board.ts";
import { commandOf, entryHasEnded, labelOf } from "./entry_state.ts";
import { headLine } from "./head_line.ts";
import type { JobEnd, JobView, OutputPiece } from "./job_view.ts";
import { elapsedOf } from "./status_line.ts";
import { summaryLines } from "./summary_text.ts";

/** Shows the output of all agents as it comes, and a summary. */
export class StreamView implements JobView {
  readonly wantsOutput = true;
  readonly #view: LiveView;
  readonly #terminal: Terminal;
  /** True if only output and failures are shown. */
  readonly #isBare: boolean;
  #job: Job | undefined;

  constructor(
    view: LiveView,
    { terminal, isBare }: { terminal: Terminal; isBare: boolean },
  ) {
    this.#view = view;
    this.#terminal = terminal;
    this.#isBare = isBare;
  }

  async begin({ job }: JobBoard): Promise<void> {
    this.#job = job;
    if (!this.#isBare) await this.#view.note(headLine(job));
  }

  job({ job }: JobBoard): Promise<void> {
    this.#job = job;
    return Promise.resolve();
  }

  async entry({ entry }: EntryChange): Promise<void> {
    if (entry.commandId === undefined) return;
    const command = this.#commandOf(entry);
    if (entryHasEnded(entry)) await this.#view.ended(command);
    else await this.#view.changed(command);
  }

  output(entry: JobEntry, piece: OutputPiece): Promise<void> {
    return this.#view.output(
      this.#commandOf(entry),
      piece,
      piece.bytes,
      piece.atMs,
    );
  }

  cut(
    entry: JobEntry,
    position: StreamPosition,
    length: bigint,
  ): Promise<void> {
    return this.#view.cut(this.#commandOf(entry), position, length);
  }

  progress(entry: JobEntry, progress: Progress): Promise<void> {
    return this.#view.progress(this.#commandOf(entry), progress);
  }

  cutOff(entry: JobEntry, reason: string): Promise<void> {
    return this.#view.cutOff(this.#commandOf(entry), reason);
  }

  note(text: string): Promise<void> {
    return this.#view.note(text);
  }

  async close(board: JobBoard, { exitCode }: JobEnd): Promise<void> {
    const commands = board.entries
      .filter((entry) =>
        entry.commandId !== undefined && labelOf(entry) !== "succeeded"
      )
      .map((entry) => commandOf(entry, board.job));
    await this.#view.close(commands);
    if (this.#isBare && exitCode === 0) return;
    const { stderr, clock } = this.#terminal;
    const elapsedMs = elapsedOf(board.job, clock.now());
    const lines = summaryLines(board, { elapsedMs });
    await stderr.write(lines.map((line) => `${line}\n`).join(""));
  }

  #commandOf(entry: JobEntry) {
    if (this.#job === undefined) throw new TypeError("The view has not begun");
    return commandOf(entry, this.#job);
  }
}
