import type { StorageState } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Terminal } from "../../terminal.ts";
import { JsonView } from "../json_view.ts";
import { JsonWaits } from "../json_waits.ts";
import type { EntryChange, JobBoard } from "./board.ts";
import { CommandOutput } from "./command_output.ts";
import { commandOf, entryHasEnded } from "./entry_state.ts";
import { entryWait } from "./entry_waits.ts";
import { entryJson, jobJson } from "./job_json.ts";
import type { JobEnd, JobView } from "./job_view.ts";

/** Prints one JSON object per event of a job. */
export class JsonJobView extends CommandOutput implements JobView {
  readonly #terminal: Pick<Terminal, "stdout" | "clock">;
  readonly #view: JsonView;
  readonly #waits: JsonWaits;

  constructor(terminal: Pick<Terminal, "stdout" | "clock">) {
    const view = new JsonView(terminal);
    super(view);
    this.#terminal = terminal;
    this.#view = view;
    this.#waits = new JsonWaits(terminal.clock, (event) => this.#print(event));
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
    const key = BigInt(entry.position);
    if (!entryHasEnded(entry)) {
      const { commandId: id, agent } = entry;
      return await this.#waits.change(
        key,
        { id, agent },
        entryWait(entry),
      );
    }
    this.#waits.forget(key);
    await this.#view.settle(commandOf(entry, job));
    await this.#print({ event: "result", ...entryJson(entry, job.id) });
  }

  storage(state: StorageState): Promise<void> {
    return this.#view.storage(state);
  }

  note(): Promise<void> {
    return Promise.resolve();
  }

  abandon(): Promise<void> {
    this.#waits.close();
    return this.#view.abandon();
  }

  async close(board: JobBoard, { exitCode }: JobEnd): Promise<void> {
    await this.abandon();
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
    await this.#terminal.stdout.write(`${JSON.stringify(value)}\n`);
  }
}
