import type { Pair } from "./pair.ts";
import type { Result } from "./results.ts";

/** Line of the table: a pair and its result. */
export interface Row {
  readonly pair: Pair;
  readonly result: Result;
}

/** Formats the results as Markdown. */
export function markdownTable(rows: readonly Row[]): string {
  return tableText([
    ["name", "ours", "beside", "unit", "ratio", "spread", "goal", ""],
    ...rows.map(({ pair, result }) => [
      result.name,
      String(result.ours),
      String(result.beside),
      result.unit,
      String(result.ratio),
      `${Math.round(result.spread * 100)} %`,
      goalText(pair.goal),
      isMet(pair.goal, result.ratio) ? "met" : "missed",
    ]),
  ]);
}

/** Formats lines of cells as a Markdown table, aligned for a terminal. The first line is the head. */
export function tableText(lines: readonly (readonly string[])[]): string {
  const widths =
    lines[0]?.map((_, column) =>
      Math.max(3, ...lines.map((line) => line[column]?.length ?? 0))
    ) ?? [];
  const text = (line: readonly string[]) =>
    `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = lines;
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...body].map(text).join("\n");
}

/** Describes the two sides of each pair, as a Markdown list. */
export function legend(pairs: readonly Pair[]): string {
  return pairs
    .map(({ name, ours, beside }) => `- ${name}: ${ours}; beside it ${beside}`)
    .join("\n");
}

/** True if a ratio meets its goal. */
export function isMet(goal: Pair["goal"], ratio: number): boolean {
  return "least" in goal ? ratio >= goal.least : ratio <= goal.most;
}

/** Formats a goal for people: >= 0.5, or <= 1/15. */
export function goalText(goal: Pair["goal"]): string {
  return "least" in goal
    ? `>= ${ratioText(goal.least)}`
    : `<= ${ratioText(goal.most)}`;
}

/** Formats a ratio for people. A fraction without end, or a small one, is told by its inverse. */
function ratioText(ratio: number): string {
  const text = String(ratio);
  const inverse = Math.round(1 / ratio);
  const isLong = inverse > 10 || text.length > 5;
  return isLong && ratio === 1 / inverse ? `1/${inverse}` : text;
}

/** Formats a count for people: 10,000. */
export function withCommas(count: number): string {
  return count.toLocaleString("en");
}
