/** Columns from one tab stop to the next. */
const TAB = 8;

/** Indent of the further lines of a paragraph, beyond that of its first one, in columns. */
const HANGING = 4;

/** Blanks between two columns of a table. */
const GAP = 2;

/** Narrowest that a column is cut to. */
const MIN_CELL = 8;

/** Measures texts. */
export interface Measure {
  /** Columns that a text takes on a terminal. */
  readonly widthOf: (text: string) => number;
  /** Characters of a text as people count them. */
  readonly charactersOf: (text: string) => string[];
}

/** Functions that lay texts out in columns. */
export interface Columns {
  /** Text cut to at most this many columns, with an ellipsis in place of the rest. */
  cutToWidth(text: string, columns: number): string;
  /** End of a text, at most this many columns of it, with an ellipsis in place of the rest. */
  endOfWidth(text: string, columns: number): string;
  /** Text with spaces in place of its tabs, for a line that begins in the first column. */
  expandTabs(text: string): string;
  /** Text in lines of at most this many columns, broken between words. A longer word has a line of its own. */
  wrapToWidth(text: string, columns: number): string[];
  /** A line in lines of at most this many columns. All but the first begin further to the right. */
  wrapHanging(line: string, columns: number): string[];
  /** Text padded with spaces to this many columns. */
  padToWidth(text: string, columns: number): string;
  /**
   * Rows whose widest cells are cut, so that a line of all columns is at most this wide: a long name in one column does not
   * push the others out of sight. Where even that is too wide, the rows stay as they are.
   */
  fitColumns(
    rows: readonly (readonly string[])[],
    width: number,
  ): readonly (readonly string[])[];
  /** Rows as lines: each column is as wide as its widest cell, and the last one is not padded. */
  alignColumns(rows: readonly (readonly string[])[]): string[];
}

/** Makes functions that lay texts out in columns, by a measure of their widths. */
export function columnsBy({ widthOf, charactersOf }: Measure): Columns {
  function cutToWidth(text: string, columns: number): string {
    if (widthOf(text) <= columns) return text;
    let width = 0;
    let kept = "";
    for (const character of charactersOf(text)) {
      width += widthOf(character);
      if (width > columns - 1) break;
      kept += character;
    }
    return `${kept}…`;
  }

  function endOfWidth(text: string, columns: number): string {
    if (widthOf(text) <= columns) return text;
    let width = 0;
    let kept = "";
    for (const character of charactersOf(text).reverse()) {
      width += widthOf(character);
      if (width > columns - 1) break;
      kept = character + kept;
    }
    return `…${kept}`;
  }

  function expandTabs(text: string): string {
    return text.split("\t").reduce((before, part) =>
      before + " ".repeat(TAB - widthOf(before) % TAB) + part
    );
  }

  function wrapToWidth(text: string, columns: number): string[] {
    const lines: string[] = [];
    for (const word of text.split(" ")) {
      const line = lines.at(-1);
      if (line !== undefined && widthOf(`${line} ${word}`) <= columns) {
        lines[lines.length - 1] = `${line} ${word}`;
      } else lines.push(word);
    }
    return lines;
  }

  function wrapHanging(line: string, columns: number): string[] {
    if (widthOf(line) <= columns) return [line];
    const indent = /^ */.exec(line)?.[0] ?? "";
    const text = line.slice(indent.length);
    const [first = ""] = wrapToWidth(text, columns - indent.length);
    const rest = text.slice(first.length + 1);
    if (rest === "") return [line];
    const others = indent + " ".repeat(HANGING);
    return [
      indent + first,
      ...wrapToWidth(rest, columns - others.length).map((part) =>
        others + part
      ),
    ];
  }

  function padToWidth(text: string, columns: number): string {
    return text + " ".repeat(Math.max(0, columns - widthOf(text)));
  }

  function fitColumns(
    rows: readonly (readonly string[])[],
    width: number,
  ): readonly (readonly string[])[] {
    const widths = columnWidths(rows);
    const room = width - GAP * (widths.length - 1);
    let left = room;
    let columns = widths.length;
    let cap = 0;
    // Narrow columns leave room to the wider ones.
    for (const each of widths.toSorted((a, b) => a - b)) {
      cap = Math.floor(left / columns);
      if (each > cap) break;
      left -= each;
      columns -= 1;
      cap = Infinity;
    }
    if (cap === Infinity || cap < MIN_CELL) return rows;
    return rows.map((row) => row.map((cell) => cutToWidth(cell, cap)));
  }

  function alignColumns(rows: readonly (readonly string[])[]): string[] {
    const widths = columnWidths(rows);
    return rows.map((row) =>
      row.map((cell, column) => padToWidth(cell, widths[column] ?? 0))
        .join(" ".repeat(GAP)).trimEnd()
    );
  }

  function columnWidths(rows: readonly (readonly string[])[]): number[] {
    const widths: number[] = [];
    for (const row of rows) {
      row.forEach((cell, column) => {
        widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
      });
    }
    return widths;
  }

  return {
    cutToWidth,
    endOfWidth,
    expandTabs,
    wrapToWidth,
    wrapHanging,
    padToWidth,
    fitColumns,
    alignColumns,
  };
}
