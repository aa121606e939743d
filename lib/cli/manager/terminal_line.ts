import type { Sink } from "../terminal.ts";
import { joinBytes } from "../utf8.ts";

const encoder = new TextEncoder();

/** Moves to the beginning of the line and clears it. */
const ERASE = "\r\x1b[K";

/**
 * The current line of a terminal, shared by both streams where they are the same terminal.
 *
 * Keeps several writers from mixing within a line, and shows a line of progress below them.
 */
export class TerminalLine {
  /** Writer of the unfinished line that holds the cursor. */
  #writer: object | undefined;
  #progress = "";

  /** Adds text to the writer's line, or begins one with its prefix. `ended` is true if the text ends its line. */
  async put(
    sink: Sink,
    writer: object,
    { prefix, text, ended }: {
      prefix: string;
      text: Uint8Array;
      ended: boolean;
    },
  ): Promise<void> {
    const erase = this.#progressShown ? ERASE : "";
    const begin = this.#writer === writer
      ? ""
      : this.#writer === undefined
      ? prefix
      : `\n${prefix}`;
    this.#writer = ended ? undefined : writer;
    const head = encoder.encode(erase + begin);
    const foot = encoder.encode(this.#progressShown ? this.#progress : "");
    // One write, so that nothing else comes between.
    await sink.write(joinBytes(joinBytes(head, text), foot));
  }

  /** Shows a line of progress in place of the one before; none if empty. For terminals only. */
  async showProgress(sink: Sink, text: string): Promise<void> {
    if (text === this.#progress) return;
    const shown = this.#progressShown;
    this.#progress = text;
    if (shown || this.#progressShown) await sink.write(ERASE + text);
  }

  /** Ends the line that holds the cursor. */
  async finish(sink: Sink): Promise<void> {
    await this.showProgress(sink, "");
    if (this.#writer === undefined) return;
    this.#writer = undefined;
    await sink.write("\n");
  }

  /** True if progress is shown: only while no line is unfinished. */
  get #progressShown(): boolean {
    return this.#progress !== "" && this.#writer === undefined;
  }
}
