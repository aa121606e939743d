import { unicodeColumns } from "../columns.ts";
import { widthOf } from "../width.ts";

const { cutToWidth, endOfWidth, expandTabs } = unicodeColumns;

// deno-lint-ignore no-control-regex
const SEQUENCE = /\x1b\[[\d;:]*m/g;

/** A line that is not finished, as it may be shown: safe text, perhaps with colours. */
export interface UnfinishedLine {
  readonly prefix: string;
  readonly text: string;
  /** The part to keep where there is not enough room. */
  readonly keep: "beginning" | "end";
}

/** A row of a terminal, and its width in columns. */
export interface Row {
  readonly text: string;
  readonly width: number;
}

/** Unfinished lines and a text of progress in one row. Of several texts the first ones are kept. */
export function rowOf(
  lines: readonly UnfinishedLine[],
  { progress, columns }: { progress: string; columns: number },
): Row {
  // One column less: a full row makes some terminals go to the next one.
  const most = columns - 1;
  const [line, ...others] = lines;
  if (line === undefined || others.length > 0 || progress !== "") {
    const texts = [...lines.map(plainText), progress];
    return row(
      cutToWidth(texts.filter((text) => text !== "").join(" | "), most),
    );
  }
  const plain = plainText(line);
  const width = widthOf(plain);
  if (width <= most && !line.text.includes("\t")) {
    return { text: line.prefix + line.text, width };
  }
  const prefix = withoutColours(line.prefix);
  const room = most - widthOf(prefix);
  if (room < most / 2) return row(cutToWidth(plain, most));
  const cut = line.keep === "beginning" ? cutToWidth : endOfWidth;
  const text = cut(plain.slice(prefix.length), room);
  return { text: line.prefix + text, width: widthOf(prefix + text) };
}

function row(text: string): Row {
  return { text, width: widthOf(text) };
}

function plainText({ prefix, text }: UnfinishedLine): string {
  return expandTabs(withoutColours(prefix + text));
}

function withoutColours(text: string): string {
  return text.replaceAll(SEQUENCE, "");
}
