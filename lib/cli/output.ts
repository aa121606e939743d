import type { Terminal } from "./terminal.ts";
import { oneLine } from "./text.ts";
import { localTime, relativeTime, utcTime } from "./time.ts";
import { columnsFor } from "./plain_columns.ts";

/** Format of a list: one JSON object per item, or a table. */
export interface Listing<Item> {
  json(item: Item): unknown;
  readonly columns: Readonly<Record<string, (item: Item) => string>>;
}

/** Output of a subcommand: lines for people, or JSON Lines. */
export class Output {
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #utc: boolean;

  constructor(
    terminal: Terminal,
    { json, utc = false }: { readonly json: boolean; readonly utc?: boolean },
  ) {
    this.#terminal = terminal;
    this.#json = json;
    this.#utc = utc;
  }

  /** Prints a line of text. */
  async line(text: string): Promise<void> {
    await this.#terminal.stdout.write(`${text}\n`);
  }

  /** Prints a value as a line of JSON. */
  async value(value: unknown): Promise<void> {
    await this.#terminal.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Prints the value with `--json`, otherwise the lines. */
  async either(value: unknown, ...lines: string[]): Promise<void> {
    if (this.#json) return await this.value(value);
    for (const line of lines) await this.line(line);
  }

  /** Prints lines for people. At a terminal, long ones are broken between words, and what follows is indented. */
  async paragraphs(lines: Iterable<string>): Promise<void> {
    const { stdout, columns } = this.#terminal;
    if (!stdout.isTerminal) {
      for (const line of lines) await this.line(line);
      return;
    }
    const all = [...lines];
    const { wrapHanging } = await columnsFor(all);
    for (const line of all) {
      for (const part of wrapHanging(line, columns)) await this.line(part);
    }
  }

  /** Prints the value with `--json`, otherwise the lines as paragraphs. */
  async report(value: unknown, lines: Iterable<string>): Promise<void> {
    if (this.#json) await this.value(value);
    else await this.paragraphs(lines);
  }

  /** Prints a line for people to standard error; nothing with `--json`. */
  async note(text: string): Promise<void> {
    if (!this.#json) await this.#terminal.stderr.write(`${oneLine(text)}\n`);
  }

  /** Prints items as a table, or one JSON object per item. */
  async list<Item>(
    items: readonly Item[],
    { json, columns }: Listing<Item>,
  ): Promise<void> {
    if (this.#json) {
      for (const item of items) await this.value(json(item));
      return;
    }
    const rows = items.map((item) =>
      Object.values(columns).map((cell) => oneLine(cell(item)))
    );
    const table = [Object.keys(columns), ...rows];
    const { alignColumns, cutToWidth, fitColumns } = await columnsFor(
      table.flat(),
    );
    const { stdout, columns: width } = this.#terminal;
    const shown = stdout.isTerminal ? fitColumns(table, width) : table;
    for (const line of alignColumns(shown)) {
      await this.line(stdout.isTerminal ? cutToWidth(line, width) : line);
    }
  }

  /** Prints facts, one per line. Empty ones are left out. */
  async facts(facts: Readonly<Record<string, string>>): Promise<void> {
    const rows = Object.entries(facts).filter(([, fact]) => fact !== "")
      .map(([name, fact]) => [`${name}:`, oneLine(fact)]);
    const { alignColumns } = await columnsFor(rows.flat());
    const lines = alignColumns(rows);
    for (const line of lines) await this.line(line);
  }

  /** Formats a time in full, as local time or in UTC. Nothing for no time. */
  fullTime(ms: bigint | undefined): string {
    if (ms === undefined) return "";
    return this.#utc ? utcTime(Number(ms)) : localTime(Number(ms));
  }

  /** Formats a time of a list: relative on a terminal, unless UTC is wanted, otherwise in full. */
  time(ms: bigint | undefined): string {
    if (ms === undefined || this.#utc) return this.fullTime(ms);
    return this.#terminal.stdout.isTerminal
      ? relativeTime(Number(ms), this.#terminal.clock.now())
      : localTime(Number(ms));
  }
}
