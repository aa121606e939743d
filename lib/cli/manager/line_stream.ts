import { concat } from "@std/bytes/concat";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Sink } from "../terminal.ts";
import { printable } from "../text.ts";
import { decodeLeniently, joinBytes, unfinishedTail } from "../utf8.ts";
import type { TerminalLine } from "./terminal_line.ts";

/** Delay before an unfinished line is shown on a terminal, in milliseconds: a prompt has no line end. */
const PARTIAL_MS = 200;

/** Longest unfinished line that is held back, in bytes. */
const PARTIAL_BYTES = 65_536;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const EMPTY = new Uint8Array();
const encoder = new TextEncoder();

/** Writes one stream of one command line by line, with a prefix. */
export class LineStream {
  readonly #terminalLine: TerminalLine;
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #prefix: string;
  #pending: Uint8Array = EMPTY;
  #timer: Timer | undefined;
  /** True once the beginning of the pending line is written. */
  #begun = false;
  /** Error of a write that nothing waited for. */
  #failure: unknown;

  constructor(
    terminalLine: TerminalLine,
    { sink, clock, prefix }: { sink: Sink; clock: Clock; prefix: string },
  ) {
    this.#terminalLine = terminalLine;
    this.#sink = sink;
    this.#clock = clock;
    this.#prefix = prefix;
  }

  /** Adds output. */
  async add(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const all = joinBytes(this.#pending, bytes);
    const end = all.lastIndexOf(NEWLINE) + 1;
    this.#pending = all.slice(end);
    if (end > 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      await this.#put(this.#lines(all.subarray(0, end)), true);
    }
    if (this.#pending.length > PARTIAL_BYTES) await this.#showPartial();
    else if (this.#pending.length > 0 && this.#sink.isTerminal) {
      this.#timer ??= this.#clock.timer(PARTIAL_MS, () => {
        this.#timer = undefined;
        this.#showPartial().catch((error) => this.#failure = error);
      });
    }
  }

  /** Ends the unfinished line, if there is one. */
  async end(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#pending.length === 0 && !this.#begun) return;
    const text = joinBytes(this.#shown(this.#pending), encoder.encode("\n"));
    this.#pending = EMPTY;
    await this.#put(text, true);
  }

  /** Writes a line of this program among the output. */
  async remark(text: string): Promise<void> {
    await this.end();
    await this.#put(encoder.encode(`${text}\n`), true);
  }

  async #showPartial(): Promise<void> {
    // What may belong to something that is still to come waits for it: a part of a character, the \r of \r\n.
    const held = this.#pending.at(-1) === RETURN
      ? 1
      : unfinishedTail(this.#pending);
    const end = this.#pending.length - held;
    if (end === 0) return;
    const text = this.#shown(this.#pending.subarray(0, end));
    this.#pending = this.#pending.slice(end);
    await this.#put(text, false);
  }

  async #put(text: Uint8Array, ended: boolean): Promise<void> {
    this.#begun = !ended;
    await this.#terminalLine.put(this.#sink, this, {
      prefix: this.#prefix,
      text,
      ended,
    });
  }

  /** Whole lines, with the prefix before each but the first: TerminalLine writes that one's. */
  #lines(bytes: Uint8Array): Uint8Array {
    const prefix = encoder.encode(this.#prefix);
    const pieces: Uint8Array[] = [];
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(NEWLINE, start) + 1;
      if (start > 0) pieces.push(prefix);
      pieces.push(this.#shown(bytes.subarray(start, end)));
      start = end;
    }
    return concat(pieces);
  }

  /** The bytes; on a terminal, text that is safe to show. */
  #shown(bytes: Uint8Array): Uint8Array {
    if (!this.#sink.isTerminal) return bytes;
    const text = decodeLeniently(bytes).replace(/\r+(?=\n$)/, "");
    return encoder.encode(printable(text));
  }
}
