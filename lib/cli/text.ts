import { widthOf } from "./width.ts";

/**
 * C0 but for newline and tab, DEL, C1, and the characters that reorder what is read: on a terminal they could move the
 * cursor, rename the window or make a line look like another.
 */
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text that is safe to show on a terminal: what could steer it is spelled out, as `\x1b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    const hex = code.toString(16);
    return code < 0x80 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}

/** As `printable`, and on one line. */
export function oneLine(text: string): string {
  return printable(
    text.trim().replaceAll(/\s*\r?\n\s*/g, " ").replaceAll("\t", " "),
  );
}

/** Text cut to so many columns, with an ellipsis where something is missing. */
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

/** Text in lines of so many columns, broken between words; a word that is longer has a line of its own. */
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

/** Text filled up with spaces to so many columns. */
export function padToWidth(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

/** Lines of cells, each column as wide as its widest cell; the last one as long as it is. */
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

/** A size for people, as 1.5 MiB. */
export function bytesText(bytes: bigint): string {
  let value = Number(bytes);
  for (const unit of ["bytes", "KiB", "MiB", "GiB"]) {
    if (value < 1_024) {
      return `${unit === "bytes" ? value : value.toFixed(1)} ${unit}`;
    }
    value /= 1_024;
  }
  return `${value.toFixed(1)} TiB`;
}
