import {
  type Command,
  CommandState,
  type Progress,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { Sink, Terminal } from "../terminal.ts";
import { oneLine } from "../text.ts";
import { LineStream } from "./line_stream.ts";
import { TerminalLine } from "./terminal_line.ts";
import { Prefixes } from "./prefix.ts";
import { hasEnded, outcomeText } from "./states.ts";
import type { StreamName, StreamPosition, View } from "./view.ts";
import { WaitNotes } from "./wait_notes.ts";

const NEWLINE = 0x0a;

/**
 * Format of the output. `raw`: the exact bytes. `plain`: as `raw`, but escaped on a terminal. `lines`: lines that begin
 * with the agent's name; as `raw` for one command whose output is no terminal.
 */
export type Style = "raw" | "plain" | "lines";

/** Shows output as it arrives. */
export class LiveView implements View {
  readonly #terminal: Terminal;
  readonly #style: Style;
  readonly #prefixes: Prefixes;
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
    { terminal, style, many = false }: {
      terminal: Terminal;
      style: Style;
      /** True for the form for several agents, even if it is one. */
      many?: boolean;
    },
  ) {
    const { stdout, stderr } = terminal;
    this.#terminal = terminal;
    this.#style = style;
    this.#prefixes = new Prefixes(commands, terminal);
    const alone = commands.length === 1 && !many;
    this.#waits = new WaitNotes(
      terminal.clock,
      (command, text) => this.note(`${this.#prefixes.label(command)}: ${text}`),
    );
    const bare = style === "plain" || alone && !stdout.isTerminal;
    this.#raw = {
      stdout: style === "raw" || (bare && !stdout.isTerminal),
      // A person who reads the errors of a program whose output goes elsewhere is to be safe from them.
      stderr: style === "raw" || (bare && !stderr.isTerminal),
    };
    const terminalLine = new TerminalLine();
    this.#terminalLines = stdout.isTerminal && stderr.isTerminal
      ? { stdout: terminalLine, stderr: terminalLine }
      : { stdout: new TerminalLine(), stderr: terminalLine };
    this.#showsProgress = stderr.isTerminal && style === "lines";
  }

  changed(command: Command): Promise<void> {
    return this.#waits.changed(command);
  }

  async output(
    command: Command,
    { stream }: StreamPosition,
    bytes: Uint8Array,
  ): Promise<void> {
    if (!this.#raw[stream]) {
      return await this.#line(command, stream).add(bytes);
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
  }

  async note(text: string): Promise<void> {
    await this.#put(this.#terminal.stderr, "", oneLine(text));
  }

  async close(commands: readonly Command[]): Promise<void> {
    this.#waits.close();
    for (const stream of this.#lines.values()) await stream.end();
    const { stderr } = this.#terminal;
    if (this.#showsProgress) await this.#terminalLines.stderr.finish(stderr);
    for (const command of commands) {
      if (!hasEnded(command) || command.state === CommandState.SUCCEEDED) {
        continue;
      }
      const prefix = this.#prefixes.of(command, stderr);
      await this.#put(stderr, prefix, oneLine(outcomeText(command)));
    }
  }

  #line(command: Command, stream: StreamName): LineStream {
    const key = keyOf(command, stream);
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const sink = this.#terminal[stream];
    const line = new LineStream(this.#terminalLines[stream], {
      sink,
      clock: this.#terminal.clock,
      prefix: this.#style === "plain" ? "" : this.#prefixes.of(command, sink),
    });
    this.#lines.set(key, line);
    return line;
  }

  /** True if text on standard error continues the line of this stream. */
  #sharesLineOf(stream: StreamName): boolean {
    const { stdout, stderr } = this.#terminal;
    return stream === "stderr" || (stdout.isTerminal && stderr.isTerminal);
  }

  async #put(sink: Sink, prefix: string, text: string): Promise<void> {
    if (this.#isOpen) await sink.write("\n");
    this.#isOpen = false;
    await this.#terminalLines.stderr.put(sink, this, {
      prefix,
      text: new TextEncoder().encode(`${text}\n`),
      ended: true,
    });
  }

  async #showProgress(): Promise<void> {
    if (!this.#showsProgress) return;
    const { cutToWidth } = await import("../columns.ts");
    const text = [...this.#progress.values()].join(" | ");
    const { stderr, columns } = this.#terminal;
    await this.#terminalLines.stderr.showProgress(
      stderr,
      // One column less: a full line makes some terminals go to the next one.
      text === "" ? "" : cutToWidth(text, columns - 1),
    );
  }
}

function keyOf({ id }: Command, stream: StreamName): string {
  return `${id} ${stream}`;
}
