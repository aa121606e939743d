import type { Sink } from "../terminal.ts";
import { joinBytes } from "../utf8.ts";

const encoder = new TextEncoder();

/** Goes to the beginning of the line and empties it. */
const ERASE = "\r\x1b[K";

/**
 * What lines are written on: one for both streams where they are the same terminal.
 *
 * Several writers share it without ever mixing within a line, and below them stands a line of progress.
 */
export class TerminalLine {
  /** Who wrote the unfinished line that the cursor is in. */
  #writer: object | undefined;
  #progress = "";

  /** Adds text to the writer's line, or begins one with its prefix. `ended` tells whether the text ends its line. */
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

  /** Ends the line that the cursor is in. */
  async finish(sink: Sink): Promise<void> {
    await this.showProgress(sink, "");
    if (this.#writer === undefined) return;
    this.#writer = undefined;
    await sink.write("\n");
  }

  /** It has a line of its own only where no one else's is unfinished. */
  get #progressShown(): boolean {
    return this.#progress !== "" && this.#writer === undefined;
  }
}
