import xterm, { type Terminal as Xterm } from "@xterm/headless";
// Loaded here, so that a test does not wait for it in the middle.
import "../../lib/cli/manager/row.ts";

/** A window, and the bytes that were written to it. */
export interface Written {
  /** Width of the window. */
  columns: number;
  /** All that was written so far, in order. */
  readonly written: readonly Uint8Array[];
}

/** Size of a screen, in characters. */
export interface Size {
  readonly columns?: number;
  readonly rows?: number;
}

/** The screen of a person: a terminal emulator that is fed what a program writes to its terminal. */
export class Screen {
  readonly #terminal: Written;
  readonly #xterm: Xterm;
  #fed = 0;

  constructor(terminal: Written, size: Size = {}) {
    const { columns = terminal.columns, rows = 24 } = size;
    this.#terminal = terminal;
    terminal.columns = columns;
    this.#xterm = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: 10_000,
      allowProposedApi: true,
      // As the terminal of a shell does.
      convertEol: true,
    });
  }

  /** Gives the window another width. */
  async resize(columns: number): Promise<void> {
    await this.#feed();
    this.#xterm.resize(columns, this.#xterm.rows);
    this.#terminal.columns = columns;
  }

  /** All lines, with those that were scrolled away, up to the cursor's. A line that wraps is one. */
  async lines(): Promise<string[]> {
    const lines: string[] = [];
    for (const { text, wraps } of await this.#rows()) {
      if (wraps) lines.push(`${lines.pop()}${text}`);
      else lines.push(text);
    }
    return lines.map((line) => line.trimEnd());
  }

  /** Rows up to the cursor's. A line that wraps is several. */
  async rows(): Promise<string[]> {
    return (await this.#rows()).map(({ text }) => text.trimEnd());
  }

  /** Colours of each row up to the cursor's: a digit of the palette for each cell, "." for the default. */
  async colours(): Promise<string[]> {
    await this.#feed();
    const { active } = this.#xterm.buffer;
    return Array.from({ length: this.#cursorRow + 1 }, (_, row) => {
      const line = active.getLine(row);
      const cells = Array.from(
        { length: line?.length ?? 0 },
        (_, column) => line?.getCell(column),
      );
      return cells.map((cell) =>
        cell?.isFgPalette() ? String(cell.getFgColor()) : "."
      ).join("").replace(/\.+$/, "");
    });
  }

  async #rows(): Promise<{ text: string; wraps: boolean }[]> {
    await this.#feed();
    const { active } = this.#xterm.buffer;
    return Array.from({ length: this.#cursorRow + 1 }, (_, row) => {
      const line = active.getLine(row);
      const text = line?.translateToString(false) ?? "";
      return { text, wraps: line?.isWrapped ?? false };
    });
  }

  get #cursorRow(): number {
    const { baseY, cursorY } = this.#xterm.buffer.active;
    return baseY + cursorY;
  }

  async #feed(): Promise<void> {
    const news = this.#terminal.written.slice(this.#fed);
    this.#fed += news.length;
    for (const bytes of news) {
      await new Promise<void>((resolve) => this.#xterm.write(bytes, resolve));
    }
  }
}
