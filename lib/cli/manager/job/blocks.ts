import { Turns } from "../../../base/turns.ts";
import { type ColourChoice, isColoured } from "../../colour.ts";
import type { Sink, Terminal } from "../../terminal.ts";
import { LineStream } from "../line_stream.ts";
import { TerminalLine } from "../terminal_line.ts";
import type { StreamName } from "../view.ts";
import { blockHead } from "./block_text.ts";
import { Bodies, type BodyReader } from "./bodies.ts";
import type { JobBoard } from "./board.ts";
import { groupsOf, type OutputGroup } from "./groups.ts";
import { LimitedSink } from "./limited_sink.ts";

/** Prefixes of the lines of a block: the second is that of standard error. */
const PREFIXES: Readonly<Record<StreamName, string>> = {
  stdout: "  ",
  stderr: "! ",
};

/** Columns that the prefix of a line takes. */
export const PREFIX_COLUMNS = 2;

/** Look of the blocks. */
export interface BlockOptions {
  readonly terminal: Terminal;
  readonly colour: ColourChoice;
  /** Most lines of a block. */
  readonly lines: number;
  /** Only blocks of what did not succeed. */
  readonly onlyFailed: boolean;
}

/** Prints the output of a job's agents to standard output: a block for all that ended alike and printed the same. */
export class BlockPrinter {
  readonly #options: BlockOptions;
  readonly #bodies: Bodies;

  constructor(bodies: Bodies, options: BlockOptions) {
    this.#bodies = bodies;
    this.#options = options;
  }

  async print(board: JobBoard): Promise<void> {
    const groups = groupsOf(board.entries)
      .filter(({ succeeded }) => !(succeeded && this.#options.onlyFailed));
    for await (const { group, read } of this.#bodies.of(groups)) {
      await this.printHead(group, board);
      await this.printBody(group, read);
    }
  }

  async printHead(group: OutputGroup, { job }: JobBoard): Promise<void> {
    const { terminal, colour } = this.#options;
    const { stdout } = terminal;
    const head = blockHead(group, job);
    await stdout.write(
      isColoured(colour, stdout, terminal)
        ? `\x1b[1;${group.succeeded ? 32 : 31}m${head}\x1b[0m\n`
        : `${head}\n`,
    );
  }

  /** Prints a body as far as the limit of lines goes, and then the command that shows the rest. */
  async printBody(
    { entries: [first] }: OutputGroup,
    read: (reader: BodyReader) => Promise<void>,
  ): Promise<void> {
    const { terminal, lines } = this.#options;
    const sink = new LimitedSink(terminal.stdout, lines);
    await this.renderBody(sink, read);
    if (sink.hasMore) {
      await terminal.stdout.write(
        `  … more: piri-manager show ${first.commandId} --output\n`,
      );
    }
  }

  /** Writes a body as lines with their prefixes. */
  async renderBody(
    sink: Sink & { readonly hasMore: boolean },
    read: (reader: BodyReader) => Promise<void>,
  ): Promise<void> {
    const { terminal } = this.#options;
    const line = new TerminalLine({
      columns: () => terminal.columns,
      turns: new Turns(),
    });
    const streamOf = (stream: StreamName) =>
      new LineStream(line, {
        sink,
        clock: terminal.clock,
        scratch: () => terminal.scratch(),
        prefix: PREFIXES[stream],
        styles: this.#styles,
        unfinished: "hold",
      });
    const streams = { stdout: streamOf("stdout"), stderr: streamOf("stderr") };
    await read({
      async piece({ stream, bytes }) {
        await streams[stream].add(bytes);
        return sink.hasMore;
      },
      cut: ({ stream }, length) =>
        streams[stream].remark(`[${length} bytes were not kept]`),
    });
    await streams.stdout.end();
    await streams.stderr.end();
  }

  get #styles(): "keep" | "show" | "remove" {
    const { terminal, colour } = this.#options;
    const { stdout } = terminal;
    if (!stdout.isTerminal && colour === "auto") return "keep";
    return isColoured(colour, stdout, terminal) ? "show" : "remove";
  }
}
