import type {
  Job,
  JobEntry,
  Progress,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import type { Sink } from "../../terminal.ts";
import { JsonView } from "../json_view.ts";
import type { StreamPosition } from "../view.ts";
import type { EntryChange, JobBoard } from "./board.ts";
import { commandOf, entryHasEnded } from "./entry_state.ts";
import { entryJson, jobJson } from "./job_json.ts";
import type { JobEnd, JobView, OutputPiece } from "./job_view.ts";

/** Prints one JSON object per event of a job. */
export class JsonJobView implements JobView {
  readonly wantsOutput = true;
  readonly #stdout: Sink;
  readonly #view: JsonView;
  #job: Job | undefined;

  constructor(stdout: Sink) {
    this.#stdout = stdout;
    this.#view = new JsonView(stdout);
  }

  async begin({ job }: JobBoard): Promise<void> {
    this.#job = job;
    await this.#print({ event: "job", ...jobJson(job) });
  }

  async job({ job }: JobBoard): Promise<void> {
    const before = this.#job;
    this.#job = job;
    // Counts change all the time: the events of entries tell them.
    if (before?.state === job.state) return;
    await this.#print({ event: "job", ...jobJson(job) });
  }

  async entry({ entry }: EntryChange, { job }: JobBoard): Promise<void> {
    if (!entryHasEnded(entry)) return;
    await this.#view.settle(commandOf(entry, job));
    await this.#print({ event: "result", ...entryJson(entry, job.id) });
  }

  output(entry: JobEntry, piece: OutputPiece): Promise<void> {
    const command = this.#commandOf(entry);
    return this.#view.output(command, piece, piece.bytes, piece.atMs);
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

  #commandOf(entry: JobEntry) {
    if (this.#job === undefined) throw new TypeError("The view has not begun");
    return commandOf(entry, this.#job);
  }

  async #print(value: unknown): Promise<void> {
    await this.#stdout.write(`${JSON.stringify(value)}\n`);
  }
}
