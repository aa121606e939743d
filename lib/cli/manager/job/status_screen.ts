import type { Timer } from "../../../base/clock.ts";
import { isDumb } from "../../colour.ts";
import type { Terminal } from "../../terminal.ts";
import type { TerminalLine } from "../terminal_line.ts";

const encoder = new TextEncoder();

/** Shortest time between two redraws, in milliseconds. */
const REDRAW_MS = 100;

/** Time after which the row is drawn again although nothing changed: it has a clock. */
const TICK_MS = 1_000;

/** Lines on standard error, and below them on a terminal a row that is redrawn at most ten times a second. */
export class StatusScreen {
  readonly #terminal: Terminal;
  readonly #line: TerminalLine;
  readonly #row: (columns: number) => string;
  readonly #hasRow: boolean;
  #lines: string[] = [];
  #timer: Timer | undefined;
  #drawnAt = -Infinity;
  #isClosed = false;

  /** `row` makes the text of the row; without it there is none. */
  constructor(
    terminal: Terminal,
    { line, row }: {
      line: TerminalLine;
      row?: ((columns: number) => string) | undefined;
    },
  ) {
    this.#terminal = terminal;
    this.#line = line;
    this.#row = row ?? (() => "");
    this.#hasRow = row !== undefined && terminal.stderr.isTerminal &&
      !isDumb(terminal);
  }

  /** True if a row is redrawn, so that lines need not tell all that happens. */
  get hasRow(): boolean {
    return this.#hasRow;
  }

  /** Prints a line, soon: many lines become few writes. */
  say(line: string): void {
    this.#lines.push(line);
    this.changed();
  }

  /** Draws the row anew, soon. */
  changed(): void {
    if (this.#isClosed) return;
    const passed = this.#terminal.clock.monotonic() - this.#drawnAt;
    this.#schedule(passed < REDRAW_MS ? REDRAW_MS - passed : 0);
  }

  /** Prints what waits, and takes the row away. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#printLines();
    if (this.#hasRow) await this.#line.showProgress(this.#terminal.stderr, "");
  }

  #due = Infinity;

  #schedule(ms: number): void {
    const at = this.#terminal.clock.monotonic() + ms;
    if (at >= this.#due) return;
    this.#timer?.cancel();
    this.#due = at;
    this.#timer = this.#terminal.clock.timer(ms, () => {
      this.#due = Infinity;
      this.#timer = undefined;
      this.#draw().catch(() => {}); // standard error never fails
    });
  }

  async #draw(): Promise<void> {
    const { clock, stderr, columns } = this.#terminal;
    this.#drawnAt = clock.monotonic();
    // The row is set first, so that lines come with the row that belongs to them.
    const row = this.#hasRow ? this.#row(columns - 1) : "";
    if (this.#hasRow) await this.#line.showProgress(stderr, row);
    await this.#printLines();
    if (this.#hasRow && !this.#isClosed) this.#schedule(TICK_MS);
  }

  async #printLines(): Promise<void> {
    if (this.#lines.length === 0) return;
    const text = this.#lines.map((line) => `${line}\n`).join("");
    this.#lines = [];
    await this.#line.print(this.#terminal.stderr, this, [encoder.encode(text)]);
  }
}
