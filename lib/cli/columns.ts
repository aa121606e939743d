// Imported when it is needed: the tables of Unicode take 10 ms to load, which most subcommands do without.
import { widthOf } from "./width.ts";

/** Text cut to at most this many columns, with an ellipsis in place of the rest. */
export function cutToWidth(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += widthOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** End of a text, at most this many columns of it, with an ellipsis in place of the rest. */
export function endOfWidth(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let width = 0;
  let kept = "";
  for (const character of [...text].reverse()) {
    width += widthOf(character);
    if (width > columns - 1) break;
    kept = character + kept;
  }
  return `…${kept}`;
}

/** Columns from one tab stop to the next. */
const TAB = 8;

/** Text with spaces in place of its tabs, for a line that begins in the first column. */
export function expandTabs(text: string): string {
  return text.split("\t").reduce((before, part) =>
    before + " ".repeat(TAB - widthOf(before) % TAB) + part
  );
}

/** Text in lines of at most this many columns, broken between words. A longer word has a line of its own. */
export function wrapToWidth(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && widthOf(`${line} ${word}`) <= columns) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** Text padded with spaces to this many columns. */
export function padToWidth(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

/** Rows as lines: each column is as wide as its widest cell, and the last one is not padded. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) =>
    row.map((cell, column) => padToWidth(cell, widths[column] ?? 0))
      .join("  ").trimEnd()
  );
}
