import { concat } from "@std/bytes/concat";
import { Turns } from "../../base/turns.ts";
import type { Sink } from "../terminal.ts";
import type { Piece } from "./finished_lines.ts";
import type { Row, UnfinishedLine } from "./row.ts";

const encoder = new TextEncoder();

/** Moves to the beginning of the row and clears it. */
const ERASE = "\r\x1b[K";

const NO_ROW: Row = { text: "", width: 0 };

/** Most bytes of an unfinished line that a row needs: a character and its marks take several. */
export const MAX_ROW_BYTES = 16_384;

/**
 * The last line of a terminal, shared by both streams where they are the same terminal.
 *
 * Writes whole lines, and shows below them a row that is redrawn in place: lines that are not finished, and progress.
 */
export class TerminalLine {
  readonly #columns: () => number;
  readonly #turns: Turns;
  readonly #unfinished = new Map<object, UnfinishedLine>();
  #progress = "";
  /** The row as it was drawn. */
  #drawn = NO_ROW;

  /** `turns` keep the lines of several streams apart that may have one reader. */
  constructor(
    { columns, turns }: { columns: () => number; turns: Turns },
  ) {
    this.#columns = columns;
    this.#turns = turns;
  }

  /** Writes whole lines, which may be long: nothing comes between. The writer's unfinished line is no longer shown. */
  async print(
    sink: Sink,
    writer: object,
    pieces: readonly Piece[],
  ): Promise<void> {
    await this.#turns.run(async () => {
      try {
        this.#unfinished.delete(writer);
        let batch: Uint8Array[] = [encoder.encode(this.#erase())];
        for (const piece of pieces) {
          if (piece instanceof Uint8Array) {
            batch.push(piece);
            continue;
          }
          await sink.write(concat(batch));
          batch = [];
          for await (const part of piece.read()) await sink.write(part);
        }
        batch.push(encoder.encode(await this.#draw()));
        // One write wherever it can be, so that nothing else comes between.
        await sink.write(concat(batch));
      } finally {
        for (const piece of pieces) {
          if (!(piece instanceof Uint8Array)) piece[Symbol.dispose]();
        }
      }
    });
  }

  /** Shows a writer's unfinished line in place of the one before. For terminals that can redraw a row only. */
  async show(sink: Sink, writer: object, line: UnfinishedLine): Promise<void> {
    await this.#redraw(sink, () => this.#unfinished.set(writer, line));
  }

  /** Shows progress in place of the one before; none if empty. For terminals that can redraw a row only. */
  async showProgress(sink: Sink, text: string): Promise<void> {
    await this.#redraw(sink, () => this.#progress = text);
  }

  async #redraw(sink: Sink, change: () => void): Promise<void> {
    await this.#turns.run(async () => {
      change();
      const before = this.#drawn;
      // A row that is not ours, such as the ^C of a person, goes as well.
      const text = (this.#erase() || ERASE) + await this.#draw();
      // The same row again would only flicker.
      if (before.text !== this.#drawn.text) await sink.write(text);
    });
  }

  /** Text that takes the row away. */
  #erase(): string {
    const { text, width } = this.#drawn;
    this.#drawn = NO_ROW;
    if (text === "") return "";
    // In a window that has become narrower the row is several, or cut off: terminals differ, so it is left behind.
    return width < this.#columns() ? ERASE : "\n";
  }

  /** Text of the row. */
  async #draw(): Promise<string> {
    if (this.#unfinished.size === 0 && this.#progress === "") return "";
    const { rowOf } = await import("./row.ts");
    this.#drawn = rowOf([...this.#unfinished.values()], {
      progress: this.#progress,
      columns: this.#columns(),
    });
    return this.#drawn.text;
  }
}
