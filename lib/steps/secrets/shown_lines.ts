import type { SheetValue } from "../sheet.ts";
import {
  partsOf,
  placeholderOf,
  type SecretTexts,
  textOf,
} from "./secret_values.ts";

/** Line as people may see it; null for one that the line before stands for. */
export type ShownLine = string | null;

/**
 * Lines of a step's texts, as they are on the host, with what may be shown in place of each: the same, or placeholders
 * for secrets. A secret of several lines is shown by its first one.
 */
export function shownLines(
  params: Readonly<Record<string, SheetValue>>,
  texts: SecretTexts,
): ReadonlyMap<string, ShownLine> {
  const lines = new Map<string, ShownLine>();
  // Where a plain text is equal to one with a secret, that counts.
  addPlain(params, lines);
  addSealed(params, texts, lines);
  return lines;
}

/** Line without the mark of a line's end on Windows. */
export function bare(line: string): string {
  return line.replace(/\r$/, "");
}

function addPlain(value: SheetValue, lines: Map<string, ShownLine>): void {
  if (typeof value === "string") {
    for (const line of value.split("\n")) lines.set(bare(line), bare(line));
  } else if (
    typeof value === "object" && value !== null && partsOf(value) === undefined
  ) {
    for (const each of Object.values(value)) addPlain(each, lines);
  }
}

function addSealed(
  value: SheetValue,
  texts: SecretTexts,
  lines: Map<string, ShownLine>,
): void {
  if (typeof value !== "object" || value === null) return;
  const parts = partsOf(value);
  if (parts === undefined) {
    for (const each of Object.values(value)) addSealed(each, texts, lines);
    return;
  }
  let line = { text: "", shown: "", isWithin: false };
  for (const part of parts) {
    const placeholder = typeof part === "string"
      ? undefined
      : placeholderOf(part.name);
    for (const [at, piece] of textOf(part, texts).split("\n").entries()) {
      if (at > 0) {
        add(line, lines);
        line = { text: "", shown: "", isWithin: placeholder !== undefined };
      }
      line.text += piece;
      line.shown += placeholder === undefined
        ? piece
        : at === 0
        ? placeholder
        : "";
      if (placeholder === undefined && bare(piece) !== "" && line.isWithin) {
        line = { ...line, shown: `…${line.shown}`, isWithin: false };
      }
    }
  }
  add(line, lines);
}

function add(
  { text, shown, isWithin }: {
    readonly text: string;
    readonly shown: string;
    readonly isWithin: boolean;
  },
  lines: Map<string, ShownLine>,
): void {
  const isInside = isWithin && bare(shown) === "";
  lines.set(bare(text), isInside ? null : bare(shown));
}
