import type { Sink } from "../../terminal.ts";

const NEWLINE = 0x0a;

/** Passes on the first lines only. */
export class LimitedSink implements Sink {
  readonly isTerminal: boolean;
  readonly #sink: Sink;
  #left: number;
  #hasMore = false;

  constructor(sink: Sink, lines: number) {
    this.isTerminal = sink.isTerminal;
    this.#sink = sink;
    this.#left = lines;
  }

  /** True if something was left out. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  async write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data;
    let end = 0;
    while (this.#left > 0 && end < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, end);
      if (newline < 0) end = bytes.length;
      else {
        end = newline + 1;
        this.#left--;
      }
    }
    this.#hasMore ||= end < bytes.length;
    if (end > 0) await this.#sink.write(bytes.subarray(0, end));
  }
}
