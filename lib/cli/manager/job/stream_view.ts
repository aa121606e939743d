import type { StorageState } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Terminal } from "../../terminal.ts";
import type { LiveView } from "../live_view.ts";
import type { EntryChange, JobBoard } from "./board.ts";
import { CommandOutput } from "./command_output.ts";
import { commandOf, entryHasEnded, labelOf } from "./entry_state.ts";
import { EntryWaits, GATHER_MS } from "./entry_waits.ts";
import { headLine } from "./head_line.ts";
import type { JobEnd, JobView } from "./job_view.ts";
import { elapsedOf } from "./status_line.ts";
import { summaryLines } from "./summary_text.ts";

/** Shows the output of all agents as it comes, and a summary. */
export class StreamView extends CommandOutput implements JobView {
  readonly #view: LiveView;
  readonly #terminal: Terminal;
  /** True if only output and failures are shown. */
  readonly #isBare: boolean;
  readonly #waits: EntryWaits;

  constructor(
    view: LiveView,
    { terminal, isBare }: { terminal: Terminal; isBare: boolean },
  ) {
    super(view);
    this.#view = view;
    this.#terminal = terminal;
    this.#isBare = isBare;
    this.#waits = new EntryWaits(terminal.clock, {
      gatherMs: GATHER_MS,
      say: (line) => view.note(line),
    });
  }

  async begin({ job }: JobBoard): Promise<void> {
    this.shown = job;
    if (!this.#isBare) await this.#view.note(headLine(job));
  }

  job({ job }: JobBoard): Promise<void> {
    this.#waits.update(job);
    this.shown = job;
    return Promise.resolve();
  }

  async entry({ entry }: EntryChange, { job }: JobBoard): Promise<void> {
    await this.#waits.change(entry, job);
    if (entry.commandId === undefined || !entryHasEnded(entry)) return;
    await this.#view.ended(this.commandOf(entry));
  }

  storage(state: StorageState): Promise<void> {
    return this.#view.storage(state);
  }

  note(text: string): Promise<void> {
    return this.#view.note(text);
  }

  abandon(): Promise<void> {
    this.#waits.close();
    return this.#view.abandon();
  }

  async close(board: JobBoard, { exitCode }: JobEnd): Promise<void> {
    const commands = board.entries
      .filter((entry) =>
        entry.commandId !== undefined && labelOf(entry) !== "succeeded"
      )
      .map((entry) => commandOf(entry, board.job));
    this.#waits.close();
    await this.#view.close(commands);
    if (this.#isBare && exitCode === 0) return;
    const { stderr, clock } = this.#terminal;
    const elapsedMs = elapsedOf(board.job, clock.now());
    const lines = summaryLines(board, { elapsedMs });
    await stderr.write(lines.map((line) => `${line}\n`).join(""));
  }
}
