import { PiriError } from "../lib/base/errors.ts";
import type { Pair } from "./pair.ts";
import type { Results } from "./results.ts";
import { legend, markdownTable, type Row } from "./table.ts";

/** Marks around the part of docs/performance.md that the bench writes. The formatter leaves it alone. */
const BEGIN = "<!-- deno-fmt-ignore-start -->\n";
const END = "<!-- deno-fmt-ignore-end -->\n";

/** Results in the order of the pairs, without those of former pairs. */
export function rowsOf(
  { results }: Results,
  pairs: readonly Pair[],
): Row[] {
  return pairs.flatMap((pair) => {
    const result = results.find(({ name }) => name === pair.name);
    return result === undefined ? [] : [{ pair, result }];
  });
}

/**
 * Replaces the results in a page.
 *
 * @throws {PiriError} CORRUPT if it has no place for them
 */
export function pageWith(
  page: string,
  results: Results,
  pairs: readonly Pair[],
): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new PiriError(
      "CORRUPT",
      `Cannot find the place of the results: it begins with ${BEGIN.trim()} and ends with ${END.trim()}`,
    );
  }
  const before = page.slice(0, begin + BEGIN.length);
  return `${before}\n${textOf(results, pairs)}\n\n${page.slice(end)}`;
}

function textOf(results: Results, pairs: readonly Pair[]): string {
  const rows = rowsOf(results, pairs);
  const { machine, deno, commit } = results;
  const [tools, others] = [
    rows.filter(({ pair }) => pair.instead !== undefined),
    rows.filter(({ pair }) => pair.instead === undefined),
  ];
  return [
    ...sectionOf("Beside the tools that people use", tools),
    ...sectionOf("Beside the bare runtime, and beside itself", others),
    `Measured on ${machine}, with Deno ${deno}, at commit ${commit}.`,
  ].join("\n\n");
}

function sectionOf(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  return [
    `### ${title}`,
    markdownTable(rows),
    legend(rows.map(({ pair }) => pair)),
  ];
}
