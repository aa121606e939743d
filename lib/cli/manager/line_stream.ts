import type { Clock, Timer } from "../../base/clock.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { Scratch } from "../scratch_file.ts";
import type { Sink } from "../terminal.ts";
import { oneLine } from "../text.ts";
import { FinishedLines } from "./finished_lines.ts";
import { HeldLine } from "./held_line.ts";
import { OutputLine, type StyleUse } from "./output_line.ts";
import { OutputTokens, type Token } from "./output_tokens.ts";
import { MAX_ROW_BYTES, type TerminalLine } from "./terminal_line.ts";

const encoder = new TextEncoder();
const NEWLINE = 0x0a;

/** Delay before an unfinished line is shown at once or again, in milliseconds. */
const REDRAW_MS = 200;

/** Silence of a program after which its unfinished line is shown, in milliseconds. */
const SILENCE_MS = 2_000;

/**
 * Treatment of an unfinished line. `redraw`: it is shown at once, and redrawn in place. `redraw-silent`: likewise, but
 * only once its program is silent. `cut-silent`: it becomes a line once its program is silent. `hold`: it waits.
 */
export type UnfinishedUse = "redraw" | "redraw-silent" | "cut-silent" | "hold";

/** Surroundings of a stream. */
export interface LineStreamOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly scratch: () => Scratch;
  /** Text in front of each line; a function makes it of the time when the line ended, in milliseconds since 1970. */
  readonly prefix: string | ((atMs: number) => string);
  readonly styles: StyleUse;
  readonly unfinished: UnfinishedUse;
}

/** Writes one stream of one command line by line, with a prefix. */
export class LineStream {
  readonly #terminalLine: TerminalLine;
  readonly #options: LineStreamOptions;
  #prefix: Uint8Array;
  /** A line is not to end while it is on its way to disk. */
  readonly #turns = new Turns();
  readonly #tokens = new OutputTokens();
  readonly #line: OutputLine;
  /** Finished lines that are not written yet. */
  readonly #finished = new FinishedLines();
  #timer: Timer | undefined;
  /** Time of the newest output. */
  #newest = 0;
  /** True while the unfinished line is shown. */
  #isShown = false;
  /** Error of a write that nothing waited for. */
  #failure: unknown;

  constructor(terminalLine: TerminalLine, options: LineStreamOptions) {
    const { sink: { isTerminal }, scratch, prefix, styles } = options;
    this.#terminalLine = terminalLine;
    this.#options = options;
    this.#prefix = encoder.encode(typeof prefix === "string" ? prefix : "");
    this.#line = new OutputLine(new HeldLine(scratch), { isTerminal, styles });
  }

  /** Adds output that arrived at this time, in milliseconds since 1970. */
  async add(
    bytes: Uint8Array,
    atMs: number | null = null,
  ): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      const { prefix } = this.#options;
      if (typeof prefix === "function") {
        this.#prefix = encoder.encode(
          prefix(atMs ?? this.#options.clock.now()),
        );
      }
      this.#newest = this.#options.clock.monotonic();
      this.#takePiece(bytes);
      await this.#print();
      await this.#save();
      this.#schedule();
    });
  }

  /** Ends the unfinished line, if there is one. */
  async end(): Promise<void> {
    await this.#turns.run(() => this.#end());
  }

  /** Writes a line of this program among the output. */
  async remark(text: string): Promise<void> {
    await this.#turns.run(async () => {
      await this.#end();
      this.#addOwn(text);
      await this.#print();
    });
  }

  async #end(): Promise<void> {
    this.#take(this.#tokens.end());
    await this.#cut();
    this.#schedule();
  }

  /** Takes lines that have text only together: most output is such, and there may be much of it. */
  #takePiece(bytes: Uint8Array): void {
    const rest = this.#line.isFresh ? 0 : bytes.indexOf(NEWLINE) + 1;
    if (rest > 0) this.#take(this.#tokens.of(bytes.subarray(0, rest)));
    const start = rest +
      (this.#line.isFresh ? this.#tokens.plainLines(bytes.subarray(rest)) : 0);
    if (start > rest) {
      const lines = this.#line.plain(bytes.subarray(rest, start));
      this.#finished.addLines(this.#prefix, lines);
    }
    this.#take(this.#tokens.of(bytes.subarray(start)));
  }

  #take(tokens: Iterable<Token>): void {
    for (const token of tokens) {
      if (token.kind !== "newline") this.#line.add(token);
      else {
        this.#finished.add(this.#prefix);
        this.#line.finish(this.#finished);
      }
    }
  }

  #addOwn(text: string): void {
    this.#finished.add(this.#prefix);
    this.#finished.add(encoder.encode(`${text}\n`));
  }

  /** Writes the unfinished line as a line of its own; what follows begins another one. */
  async #cut(): Promise<void> {
    if (!this.#line.isEmpty) {
      this.#finished.add(this.#prefix);
      this.#line.cut(this.#finished);
    }
    await this.#print();
  }

  async #print(): Promise<void> {
    const pieces = this.#finished.take();
    if (pieces.length === 0) return;
    this.#isShown = false;
    await this.#terminalLine.print(this.#options.sink, this, pieces);
  }

  async #save(): Promise<void> {
    try {
      await this.#line.save();
    } catch (error) {
      if (codeOf(error) !== "DISK") throw error;
      await this.#cut();
      this.#addOwn(oneLine(`[the line goes on below] ${messageOf(error)}`));
      await this.#print();
    }
  }

  #schedule(): void {
    if (this.#options.unfinished === "hold") return;
    if (this.#line.isEmpty) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    const left = this.#waitsForSilence
      ? SILENCE_MS - this.#silenceMs
      : REDRAW_MS;
    this.#timer ??= this.#options.clock.timer(left, () => {
      this.#timer = undefined;
      if (this.#waitsForSilence && this.#silenceMs < SILENCE_MS) {
        this.#schedule();
      } else {
        this.#turns.run(() => this.#show())
          .catch((error) => this.#failure = error);
      }
    });
  }

  get #waitsForSilence(): boolean {
    return this.#options.unfinished !== "redraw" && !this.#isShown;
  }

  get #silenceMs(): number {
    return this.#options.clock.monotonic() - this.#newest;
  }

  async #show(): Promise<void> {
    if (this.#line.isEmpty) return;
    const { sink, prefix, unfinished } = this.#options;
    if (unfinished === "cut-silent") return await this.#cut();
    this.#isShown = true;
    const text = this.#line.tail(MAX_ROW_BYTES);
    // The news is where a program adds to its line. One that replaces it puts what matters first.
    const keep = this.#line.isProgress ? "beginning" : "end";
    await this.#terminalLine.show(sink, this, {
      prefix: typeof prefix === "string"
        ? prefix
        : new TextDecoder().decode(this.#prefix),
      text,
      keep,
    });
  }
}
