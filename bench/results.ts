import * as v from "valibot";
import { median, spread } from "./samples.ts";

const ResultSchema = v.object({
  name: v.string(),
  ours: v.number(),
  beside: v.number(),
  unit: v.string(),
  ratio: v.number(),
  spread: v.number(),
  rounds: v.array(v.tuple([v.number(), v.number()])),
});

const ResultsSchema = v.object({
  machine: v.string(),
  commit: v.string(),
  deno: v.string(),
  results: v.array(ResultSchema),
});

/**
 * Result of a pair. `ours` and `beside` are medians of the rounds, and `ratio` is the quotient of the two. `spread` is
 * the distance of the rounds' ratios as a part of their median.
 */
export type Result = v.InferOutput<typeof ResultSchema>;

/** Content of bench/results.json. */
export type Results = v.InferOutput<typeof ResultsSchema>;

/** Combines the rounds of a pair. */
export function resultOf(
  { name, unit }: { readonly name: string; readonly unit: string },
  rounds: readonly (readonly [ours: number, beside: number])[],
): Result {
  const ours = median(rounds.map(([ours]) => ours));
  const beside = median(rounds.map(([, beside]) => beside));
  return {
    name,
    ours: rounded(ours),
    beside: rounded(beside),
    unit,
    ratio: rounded(ours / beside),
    spread: rounded(spread(rounds.map(([ours, beside]) => ours / beside))),
    rounds: rounds.map(([ours, beside]) => [rounded(ours), rounded(beside)]),
  };
}

/** Reads results. Returns undefined for any other text. */
export function readResults(text: string): Results | undefined {
  try {
    return v.parse(ResultsSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Text of bench/results.json, with a line for each round. */
export function resultsText(results: Results): string {
  const text = JSON.stringify(results, null, 2)
    .replaceAll(/\[\s+([^\s,[\]]+),\s+([^\s,[\]]+)\s+\]/g, "[$1, $2]");
  return `${text}\n`;
}

/**
 * Merges new results into earlier ones, in the order of the names. Earlier rows stay, unless they are of another
 * machine or Deno. The commit is that of the new results.
 */
export function merged(
  former: Results | undefined,
  now: Results,
  names: readonly string[],
): Results {
  const known = [
    ...now.results,
    ...former !== undefined && isOfSameMachine(former, now)
      ? former.results
      : [],
  ];
  return {
    ...now,
    results: names.flatMap((name) =>
      known.find((result) => result.name === name) ?? []
    ),
  };
}

/** True if results can stand in one table. */
export function isOfSameMachine(
  former: Pick<Results, "machine" | "deno">,
  now: Pick<Results, "machine" | "deno">,
): boolean {
  return former.machine === now.machine && former.deno === now.deno;
}

/** Rounds to four significant digits. More would be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
