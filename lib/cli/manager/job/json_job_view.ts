import type { Sink } from "../../terminal.ts";
import { JsonView } from "../json_view.ts";
import type { EntryChange, JobBoard } from "./board.ts";
import { CommandOutput } from "./command_output.ts";
import { commandOf, entryHasEnded } from "./entry_state.ts";
import { entryJson, jobJson } from "./job_json.ts";
import type { JobEnd, JobView } from "./job_view.ts";

/** Prints one JSON object per event of a job. */
export class JsonJobView extends CommandOutput implements JobView {
  readonly #stdout: Sink;
  readonly #view: JsonView;

  constructor(stdout: Sink) {
    const view = new JsonView(stdout);
    super(view);
    this.#stdout = stdout;
    this.#view = view;
  }

  async begin({ job }: JobBoard): Promise<void> {
    this.shown = job;
    await this.#print({ event: "job", ...jobJson(job) });
  }

  async job({ job }: JobBoard): Promise<void> {
    const before = this.shown;
    this.shown = job;
    // Counts change all the time: the events of entries tell them.
    if (before?.state === job.state) return;
    await this.#print({ event: "job", ...jobJson(job) });
  }

  async entry({ entry }: EntryChange, { job }: JobBoard): Promise<void> {
    if (!entryHasEnded(entry)) return;
    await this.#view.settle(commandOf(entry, job));
    await this.#print({ event: "result", ...entryJson(entry, job.id) });
  }

  note(): Promise<void> {
    return Promise.resolve();
  }

  async close(board: JobBoard, { exitCode }: JobEnd): Promise<void> {
    const open = board.entries.filter((entry) =>
      entry.commandId !== undefined && !entryHasEnded(entry)
    );
    for (const entry of open) {
      await this.#view.settle(commandOf(entry, board.job));
    }
    await this.#print({
      event: "summary",
      job: `j-${board.job.id}`,
      states: board.tally,
      exitCode,
    });
  }

  async #print(value: unknown): Promise<void> {
    await this.#stdout.write(`${JSON.stringify(value)}\n`);
  }
}
