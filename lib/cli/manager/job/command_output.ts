import type {
  Command,
  Job,
  JobEntry,
  Progress,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { StreamPosition, View } from "../view.ts";
import { commandOf } from "./entry_state.ts";
import type { OutputPiece } from "./job_view.ts";

/** Part of a view of a job that shows the output of its commands as a view of commands does. */
export abstract class CommandOutput {
  readonly wantsOutput = true;
  readonly #view: View;
  /** The job as it was told last. */
  protected shown: Job | undefined;

  constructor(view: View) {
    this.#view = view;
  }

  output(entry: JobEntry, piece: OutputPiece): Promise<void> {
    const command = this.commandOf(entry);
    return this.#view.output(command, piece, piece.bytes, piece.atMs);
  }

  cut(
    entry: JobEntry,
    position: StreamPosition,
    length: bigint,
  ): Promise<void> {
    return this.#view.cut(this.commandOf(entry), position, length);
  }

  progress(entry: JobEntry, progress: Progress): Promise<void> {
    return this.#view.progress(this.commandOf(entry), progress);
  }

  cutOff(entry: JobEntry, reason: string): Promise<void> {
    return this.#view.cutOff(this.commandOf(entry), reason);
  }

  protected commandOf(entry: JobEntry): Command {
    if (this.shown === undefined) {
      throw new TypeError("The view has not begun");
    }
    return commandOf(entry, this.shown);
  }
}
