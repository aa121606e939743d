import { JobState } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Job,
  JobEntry,
  Output,
  WatchJobResponse,
  WatchResponse,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf, Disconnected, messageOf } from "../../../base/errors.ts";
import { HintedError } from "../../errors.ts";
import { askShortly } from "../command_places.ts";
import type { Cancellable } from "../patience.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { JobBoard } from "./board.ts";
import { type JobView, silentJobView } from "./job_view.ts";
import { OutputOffsets } from "./output_offsets.ts";
import { placedEntries } from "./placed_entries.ts";
import { StreamEnd } from "./stream_end.ts";

/** True for a job that has come to an end. */
export function jobHasEnded({ state }: Job): boolean {
  return state > JobState.PAUSED;
}

/** Command line that watches a job. */
export function watchJobLine(id: bigint): string {
  return `piri-manager job watch j-${id}`;
}

/** Follows a job to its end, even if the Manager restarts meanwhile. Each byte of output is shown once. */
export class JobFollower implements Cancellable {
  readonly board: JobBoard;
  readonly #client: RetryingClient;
  readonly #offsets = new OutputOffsets();
  /** Events of commands whose entries are yet to come, as an older Manager sends them. */
  #early: WatchResponse[] = [];
  #view: JobView;
  #cancelling: Promise<void> | undefined;
  #isCancelled = false;

  constructor(
    job: Job,
    { client, view }: { client: RetryingClient; view: JobView },
  ) {
    this.board = new JobBoard(job);
    this.#client = client;
    this.#view = view;
  }

  get job(): Job {
    return this.board.job;
  }

  get subject(): string {
    return `job j-${this.job.id}`;
  }

  get watchLine(): string {
    return watchJobLine(this.job.id);
  }

  get cancelRequested(): boolean {
    return this.#isCancelled;
  }

  /**
   * Shows entries and output until the job has ended, or `until` says that it is enough.
   *
   * @throws {PiriError} UNAVAILABLE when the Manager stays away; else what the API says, or the signal's reason.
   */
  async follow(
    signal: AbortSignal,
    until: (board: JobBoard) => boolean = () => false,
  ): Promise<void> {
    await this.#client.call(
      async (control, { signal, alive }) => {
        using end = new StreamEnd(signal);
        try {
          const stream = control.jobs.watchJob(this.#request(), end);
          for await (const response of stream) {
            alive();
            await this.#take(response);
            if (until(this.board)) return;
          }
        } catch (error) {
          // A Manager that is about to stop says so itself, and comes back all the same.
          throw codeOf(error) === "UNAVAILABLE"
            ? new Disconnected(messageOf(error), { cause: error })
            : error;
        }
        if (jobHasEnded(this.job)) return;
        throw new Disconnected(
          `Cannot follow job j-${this.job.id}: the Manager's stream ended early`,
        );
      },
      {
        signal,
        failure: (fact) =>
          new HintedError(
            "UNAVAILABLE",
            `Cannot follow job j-${this.job.id}: ${fact}`,
            watchJobLine(this.job.id),
          ),
        onAway: () =>
          this.#tell("the connection to the Manager broke off: trying again…"),
      },
    );
  }

  /** Shows nothing from here on but in this view, which has seen all so far. */
  async mute(rest: JobView = silentJobView): Promise<void> {
    const view = this.#view;
    this.#view = rest;
    await view.abandon();
  }

  /**
   * Cancels the job, once. Never rejects: a failure is shown.
   *
   * @param cause Signal that asked for it, if it should be named.
   */
  cancel(
    requestedBy: string,
    { signal, cause }: { signal: AbortSignal; cause?: string },
  ): Promise<void> {
    return this.#cancelling ??= this.#cancel(requestedBy, signal, cause);
  }

  async #cancel(
    requestedBy: string,
    signal: AbortSignal,
    cause: string | undefined,
  ): Promise<void> {
    const { id } = this.job;
    const head = cause === undefined ? "" : `${cause}: `;
    this.#tell(`${head}cancelling job j-${id}…`);
    try {
      await this.#client.call(
        (control, { signal }) =>
          control.jobs.cancelJob({ jobId: id, requestedBy }, { signal }),
        {
          signal,
          failure: (fact) =>
            new HintedError(
              "UNAVAILABLE",
              `Cannot cancel job j-${id}: ${fact}`,
              `piri-manager job cancel j-${id}`,
            ),
        },
      );
      this.#isCancelled = true;
    } catch (error) {
      // It has just ended by itself, or nobody waits any longer.
      if (codeOf(error) === "FAILED_PRECONDITION" || signal.aborted) return;
      this.#tell(messageOf(error));
    }
  }

  #tell(text: string): void {
    this.#view.note(text).catch(() => {}); // the next thing shown will meet the same trouble, and somebody waits for it
  }

  #request() {
    return {
      jobId: this.job.id,
      output: this.#view.wantsOutput,
      from: this.#offsets.places,
    };
  }

  async #take(
    { job, entries, event }: WatchJobResponse,
  ): Promise<void> {
    const placed = await placedEntries(entries, {
      job: this.job,
      ask: askShortly(this.#client),
    });
    for (const entry of placed) {
      const change = this.board.take(entry);
      await this.#takeEarly(entry);
      if (change !== undefined) await this.#view.entry(change, this.board);
    }
    if (event !== undefined) await this.#event(event);
    if (job !== undefined) {
      this.board.job = job;
      await this.#view.job(this.board);
    }
  }

  /** Shows the events that came before an entry. */
  async #takeEarly({ commandId }: JobEntry): Promise<void> {
    if (this.#early.length === 0) return;
    const isOf = (each: WatchResponse) => each.commandId === commandId;
    const early = this.#early.filter(isOf);
    this.#early = this.#early.filter((each) => !isOf(each));
    for (const each of early) await this.#event(each);
  }

  async #event(response: WatchResponse): Promise<void> {
    const { commandId, event } = response;
    if (event.case === "storage") return await this.#view.storage(event.value);
    const entry = this.board.ofCommand(commandId);
    if (entry === undefined) {
      this.#early.push(response);
      return;
    }
    switch (event.case) {
      case "output":
        return await this.#output(entry, commandId, event.value);
      case "progress":
        return await this.#view.progress(entry, event.value);
      case "cutOff":
        return await this.#view.cutOff(entry, event.value.reason);
    }
  }

  async #output(
    entry: JobEntry,
    commandId: bigint,
    output: Output,
  ): Promise<void> {
    const { cut, piece } = this.#offsets.take(commandId, output);
    if (cut !== undefined) {
      await this.#view.cut(entry, cut.position, cut.length);
    }
    if (piece === undefined) return;
    const atMs = output.atMs === undefined ? null : Number(output.atMs);
    await this.#view.output(entry, { ...piece, atMs });
  }
}
