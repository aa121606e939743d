import { JobState } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  JobEntry,
  StorageState,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { Turns } from "../../../base/turns.ts";
import type { Terminal } from "../../terminal.ts";
import { oneLine, printable } from "../../text.ts";
import { storageText } from "../storage_text.ts";
import { TerminalLine } from "../terminal_line.ts";
import type { EntryChange, JobBoard } from "./board.ts";
import { entryHasEnded, entryText, labelOf } from "./entry_state.ts";
import { EntryWaits, GATHER_MS } from "./entry_waits.ts";
import { headLine } from "./head_line.ts";
import type { JobEnd, JobView } from "./job_view.ts";
import { elapsedOf, statusLine } from "./status_line.ts";
import { StatusScreen } from "./status_screen.ts";
import { summaryLines } from "./summary_text.ts";

/** Most agents whose ends get a line each above a row that counts them all. */
const MAX_TOLD = 20;

/** Flags of the view of many agents. */
export interface GroupViewOptions {
  readonly terminal: Terminal;
  /** Only failures and the summary. */
  readonly quiet: boolean;
  /** Prints the output of the agents, once the job has ended or nobody waits any longer. */
  readonly printBlocks: (board: JobBoard) => Promise<void>;
}

/** Shows how many agents are how far, who failed, and at the end the output of the agents as groups, and a summary. */
export class GroupView implements JobView {
  readonly wantsOutput = false;
  readonly #options: GroupViewOptions;
  readonly #screen: StatusScreen;
  readonly #waits: EntryWaits;
  #board: JobBoard | undefined;
  #state = JobState.UNSPECIFIED;
  #told = 0;

  constructor(options: GroupViewOptions) {
    const { terminal, quiet } = options;
    this.#options = options;
    this.#screen = new StatusScreen(terminal, {
      line: new TerminalLine({
        columns: () => terminal.columns,
        turns: new Turns(),
      }),
      row: quiet ? undefined : (columns) => this.#row(columns),
    });
    this.#waits = new EntryWaits(terminal.clock, {
      gatherMs: GATHER_MS,
      say: (line) => this.note(line),
    });
  }

  begin(board: JobBoard): Promise<void> {
    this.#board = board;
    if (!this.#options.quiet) this.#screen.say(headLine(board.job));
    return Promise.resolve();
  }

  job({ job }: JobBoard): Promise<void> {
    this.#waits.update(job);
    if (job.state !== this.#state) {
      const before = this.#state;
      this.#state = job.state;
      if (job.state === JobState.PAUSED) this.#tell(`j-${job.id}: paused`);
      else if (before === JobState.PAUSED && job.state === JobState.RUNNING) {
        this.#tell(`j-${job.id}: resumed`);
      }
    }
    this.#screen.changed();
    return Promise.resolve();
  }

  async entry(
    { before, entry }: EntryChange,
    { job }: JobBoard,
  ): Promise<void> {
    this.#screen.changed();
    const label = labelOf(entry);
    const isNews = before === undefined || labelOf(before) !== label ||
      before.presumed !== entry.presumed;
    if (isNews && this.#isWorthALine(entry)) {
      this.#say(`${printable(entry.agent)}: ${entryText(entry, job)}`);
    }
    if (!this.#options.quiet) await this.#waits.change(entry, job);
  }

  storage(state: StorageState): Promise<void> {
    return this.note(storageText(state));
  }

  note(text: string): Promise<void> {
    this.#screen.say(oneLine(text));
    return Promise.resolve();
  }

  output(): Promise<void> {
    return Promise.resolve();
  }

  cut(): Promise<void> {
    return Promise.resolve();
  }

  progress(): Promise<void> {
    return Promise.resolve();
  }

  cutOff(): Promise<void> {
    return Promise.resolve();
  }

  async abandon(): Promise<void> {
    this.#waits.close();
    await this.#screen.close();
  }

  async close(board: JobBoard, { hasEnded }: JobEnd): Promise<void> {
    await this.abandon();
    if (hasEnded) await this.#options.printBlocks(board);
    const { stderr, clock } = this.#options.terminal;
    const elapsedMs = elapsedOf(board.job, clock.now());
    const lines = summaryLines(board, { elapsedMs });
    await stderr.write(lines.map((line) => `${line}\n`).join(""));
  }

  #isWorthALine(entry: JobEntry): boolean {
    const label = labelOf(entry);
    const { quiet } = this.#options;
    // Agents that were not reached, or not tried, are in the summary with folded names.
    if (label === "succeeded" || entry.commandId === undefined) {
      return !quiet && !this.#screen.hasRow && entryHasEnded(entry);
    }
    // A job is cancelled by somebody who knows it.
    if (label === "cancelled" && this.#screen.hasRow) return false;
    return entryHasEnded(entry);
  }

  /** Prints a line about the job. */
  #tell(text: string): void {
    this.#screen.say(text);
  }

  /** Prints a line about an agent. */
  #say(text: string): void {
    this.#told++;
    if (!this.#screen.hasRow || this.#told <= MAX_TOLD) {
      this.#screen.say(oneLine(text));
    } else if (this.#told === MAX_TOLD + 1) {
      this.#screen.say("… more are counted below and named at the end");
    }
  }

  #row(columns: number): string {
    const board = this.#board;
    if (board === undefined) return "";
    return statusLine({
      tally: board.tally,
      cutOff: board.cutOff,
      isPaused: board.job.state === JobState.PAUSED,
      elapsedMs: elapsedOf(board.job, this.#options.terminal.clock.now()),
    }, columns);
  }
}
