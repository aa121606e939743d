import { CommandState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Command,
  Progress,
  StorageState,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { Turns } from "../../base/turns.ts";
import { type ColourChoice, isColoured, isDumb } from "../colour.ts";
import type { Sink, Terminal } from "../terminal.ts";
import { oneLine } from "../text.ts";
import { LineStream, type UnfinishedUse } from "./line_stream.ts";
import type { StyleUse } from "./output_line.ts";
import { Prefixes } from "./prefix.ts";
import { hasEnded, outcomeText } from "./states.ts";
import { storageText } from "./storage_text.ts";
import { timestamp } from "../time.ts";
import { TerminalLine } from "./terminal_line.ts";
import type { StreamName, StreamPosition, View } from "./view.ts";
import { WaitNotes } from "./wait_notes.ts";

const NEWLINE = 0x0a;

/**
 * Format of the output. `raw`: the exact bytes. `plain`: as `raw`, but lines that are safe on a terminal. `named`: lines
 * that begin with the agent's name on a terminal, as `raw` elsewhere. `lines`: lines that begin with the agent's name.
 */
export type Style = "raw" | "plain" | "named" | "lines";

/** Shows output as it arrives. */
export class LiveView implements View {
  readonly #terminal: Terminal;
  readonly #style: Style;
  readonly #prefixes: Prefixes;
  readonly #colour: ColourChoice;
  readonly #times: "local" | "utc" | undefined;
  readonly #single: boolean;
  readonly #terminalLines: Readonly<Record<StreamName, TerminalLine>>;
  readonly #raw: Readonly<Record<StreamName, boolean>>;
  readonly #lines = new Map<string, LineStream>();
  readonly #progress = new Map<bigint, string>();
  readonly #waits: WaitNotes;
  readonly #showsProgress: boolean;
  /** True if exact bytes have left a line of standard error without an end. */
  #isOpen = false;

  constructor(
    commands: readonly Command[],
    { terminal, style, colour = "auto", times }: {
      terminal: Terminal;
      style: Style;
      colour?: ColourChoice | undefined;
      /** Times in front of lines; none if absent. */
      times?: "local" | "utc" | undefined;
    },
  ) {
    const { stdout, stderr } = terminal;
    this.#terminal = terminal;
    this.#style = style;
    this.#colour = colour;
    this.#times = times;
    this.#prefixes = new Prefixes(commands);
    this.#single = commands.length === 1;
    this.#waits = new WaitNotes(
      terminal.clock,
      (command, text) => this.note(`${this.#prefixes.label(command)}: ${text}`),
    );
    const bare = style === "plain" || style === "named" && !stdout.isTerminal;
    this.#raw = {
      stdout: style === "raw" || (bare && !stdout.isTerminal),
      // A person who reads the errors of a program whose output goes elsewhere is to be safe from them.
      stderr: style === "raw" || (bare && !stderr.isTerminal),
    };
    const lineOptions = { columns: () => terminal.columns, turns: new Turns() };
    const terminalLine = new TerminalLine(lineOptions);
    this.#terminalLines = stdout.isTerminal && stderr.isTerminal
      ? { stdout: terminalLine, stderr: terminalLine }
      : { stdout: new TerminalLine(lineOptions), stderr: terminalLine };
    this.#showsProgress = stderr.isTerminal && !isDumb(terminal) &&
      (style === "lines" || style === "named");
  }

  changed(command: Command): Promise<void> {
    return this.#waits.changed(command);
  }

  async output(
    command: Command,
    { stream }: StreamPosition,
    bytes: Uint8Array,
    atMs: number | null,
  ): Promise<void> {
    if (!this.#raw[stream]) {
      return await this.#line(command, stream).add(bytes, atMs);
    }
    await this.#terminal[stream].write(bytes);
    if (this.#sharesLineOf(stream)) this.#isOpen = bytes.at(-1) !== NEWLINE;
  }

  async cut(
    command: Command,
    { stream, offset }: StreamPosition,
    length: bigint,
  ): Promise<void> {
    if (this.#raw[stream]) {
      const label = this.#prefixes.label(command);
      // The bytes alone do not show the place.
      const what = `${length} bytes of ${stream} were not kept`;
      await this.note(`${label}: [${what}, from byte ${offset} on]`);
    } else {
      await this.#line(command, stream)
        .remark(`[${length} bytes were not kept]`);
    }
  }

  async progress(
    command: Command,
    { current, total, message }: Progress,
  ): Promise<void> {
    // 0 of 1 is what everything begins with.
    if (current === 0 && total <= 1 && message === "") {
      this.#progress.delete(command.id);
    } else {
      const share = total > 0
        ? `${current} of ${total} (${Math.floor(current / total * 100)} %)`
        : String(current);
      const label = this.#prefixes.label(command);
      this.#progress.set(
        command.id,
        oneLine(`${label}: ${share} ${message}`),
      );
    }
    await this.#showProgress();
  }

  async cutOff(command: Command, reason: string): Promise<void> {
    const label = this.#prefixes.label(command);
    await this.note(`${label}: [the output ends here: ${reason}]`);
  }

  async settle(command: Command): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      await this.#lines.get(keyOf(command, stream))?.end();
    }
  }

  async ended(command: Command): Promise<void> {
    this.#waits.ended(command.id);
    this.#progress.delete(command.id);
    await this.#showProgress();
    await this.settle(command);
    for (const stream of ["stdout", "stderr"] as const) {
      this.#lines.delete(keyOf(command, stream));
    }
  }

  storage(state: StorageState): Promise<void> {
    return this.note(storageText(state));
  }

  async note(text: string): Promise<void> {
    await this.#put("", oneLine(text));
  }

  async abandon(): Promise<void> {
    this.#waits.close();
    const { stderr } = this.#terminal;
    await this.#terminalLines.stderr.showProgress(stderr, "");
  }

  async close(commands: readonly Command[]): Promise<void> {
    for (const stream of this.#lines.values()) await stream.end();
    await this.abandon();
    const { stderr } = this.#terminal;
    for (const command of commands) {
      if (!hasEnded(command) || command.state === CommandState.SUCCEEDED) {
        continue;
      }
      const prefix = this.#prefix(command, stderr);
      await this.#put(prefix, oneLine(outcomeText(command)));
    }
  }

  #line(command: Command, stream: StreamName): LineStream {
    const key = keyOf(command, stream);
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const { clock } = this.#terminal;
    const sink = this.#terminal[stream];
    const line = new LineStream(this.#terminalLines[stream], {
      sink,
      clock,
      scratch: () => this.#terminal.scratch(),
      prefix: this.#linePrefix(
        this.#style === "plain" ? "" : this.#prefix(command, sink),
      ),
      styles: this.#styleUse(sink),
      unfinished: this.#unfinishedUse(sink),
    });
    this.#lines.set(key, line);
    return line;
  }

  #linePrefix(prefix: string): string | ((atMs: number) => string) {
    const times = this.#times;
    return times === undefined
      ? prefix
      : (atMs) => `${timestamp(atMs, times)} ${prefix}`;
  }

  /** True if text on standard error continues the line of this stream. */
  #sharesLineOf(stream: StreamName): boolean {
    const { stdout, stderr } = this.#terminal;
    return stream === "stderr" || (stdout.isTerminal && stderr.isTerminal);
  }

  #prefix(command: Command, sink: Sink): string {
    const coloured = isColoured(this.#colour, sink, this.#terminal);
    return this.#prefixes.of(command, { coloured });
  }

  #styleUse(sink: Sink): StyleUse {
    if (!sink.isTerminal && this.#colour === "auto") return "keep";
    return isColoured(this.#colour, sink, this.#terminal) ? "show" : "remove";
  }

  #unfinishedUse({ isTerminal }: Sink): UnfinishedUse {
    if (!isTerminal) return "hold";
    if (isDumb(this.#terminal)) return "cut-silent";
    return this.#single ? "redraw" : "redraw-silent";
  }

  async #put(prefix: string, text: string): Promise<void> {
    const { stderr } = this.#terminal;
    if (this.#isOpen) await stderr.write("\n");
    this.#isOpen = false;
    await this.#terminalLines.stderr.print(stderr, this, [
      new TextEncoder().encode(`${prefix}${text}\n`),
    ]);
  }

  async #showProgress(): Promise<void> {
    if (!this.#showsProgress) return;
    const text = [...this.#progress.values()].join(" | ");
    await this.#terminalLines.stderr.showProgress(this.#terminal.stderr, text);
  }
}

function keyOf({ id }: Command, stream: StreamName): string {
  return `${id} ${stream}`;
}
