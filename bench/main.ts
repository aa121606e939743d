/**
 * Measures Piri beside other programs, in one run and in turns, and writes bench/results.json and the table in
 * docs/performance.md. `--help` lists the flags.
 *
 *     deno task bench [name...] [--rounds 5]
 *     deno task bench --quick --compare
 *
 * @module
 */
import { join } from "@std/path";
import { messageOf, PiriError } from "../lib/base/errors.ts";
import { chartSvg } from "./chart.ts";
import { compareTable } from "./compare.ts";
import { machineName } from "./machine.ts";
import { measure } from "./measure.ts";
import { BENCH_HELP, type BenchOptions, parseBenchOptions } from "./options.ts";
import { pageWith, rowsOf } from "./page.ts";
import type { Pair } from "./pair.ts";
import { pairs } from "./pairs.ts";
import {
  isOfSameMachine,
  merged,
  readResults,
  resultOf,
  type Results,
  resultsText,
} from "./results.ts";
import { legend, markdownTable, type Row } from "./table.ts";
import { ROOT } from "../scripts/build/build.ts";
import { commitOf } from "../scripts/build/commit.ts";
import { main, say } from "../scripts/build/main.ts";

const RESULTS = join(ROOT, "bench", "results.json");
const PAGE = join(ROOT, "docs", "performance.md");
const CHART = join(ROOT, "docs", "performance.svg");

async function bench(options: BenchOptions): Promise<void> {
  const committed = await readCommitted();
  if (options.page) {
    if (committed !== undefined) {
      await write(merged(committed, committed, NAMES));
    }
    return;
  }
  let results: Results = {
    machine: machineName(),
    commit: await commitOf(ROOT),
    deno: Deno.version.deno,
    results: [],
  };
  const isKept = options.size === "full" && !options.compare &&
    isWhole(options, { committed, now: results });
  const rows: Row[] = [];
  const failed: string[] = [];
  for (const pair of options.pairs) {
    try {
      const row = await rowOf(pair, options);
      if (row === undefined) continue;
      rows.push(row);
      results = { ...results, results: [...results.results, row.result] };
      // Written after each pair, so that an interrupted run loses no results.
      if (isKept) await write(merged(await readCommitted(), results, NAMES));
    } catch (error) {
      say(`${pair.name}: failed, ${messageOf(error)}`);
      failed.push(pair.name);
    }
  }
  print(options.compare ? compareTable(committed, rows) : markdownTable(rows));
  print(
    options.size === "quick"
      ? "\nA quick run: fewer agents, commands and rounds than the table tells of."
      : `\n${legend(rows.map(({ pair }) => pair))}`,
  );
  if (failed.length > 0) {
    throw new PiriError("INTERNAL", `Cannot measure ${failed.join(", ")}`);
  }
}

/** True unless a few rows of this machine would take the place of a whole table of another one. */
function isWhole(
  options: BenchOptions,
  { committed, now }: { committed: Results | undefined; now: Results },
): boolean {
  if (committed === undefined || isOfSameMachine(committed, now)) return true;
  if (options.pairs.length === pairs.length) return true;
  say(
    `not kept: bench/results.json is of another machine or Deno (${committed.machine}, ${committed.deno}); without names, all rows are measured and kept`,
  );
  return false;
}

const NAMES = pairs.map(({ name }) => name);

/** Measures one pair. Returns undefined if it cannot be measured here. */
async function rowOf(
  pair: Pair,
  { size, rounds }: BenchOptions,
): Promise<Row | undefined> {
  const opened = await pair.open(size);
  if ("leftOut" in opened) {
    say(`${pair.name}: left out, ${opened.leftOut}`);
    return undefined;
  }
  await using open = opened;
  const measured = await measure(open, {
    rounds,
    progress: ([ours, beside]) =>
      say(
        `${pair.name}: ${ours.toFixed(1)} beside ${
          beside.toFixed(1)
        } ${pair.unit}`,
      ),
  });
  for (const note of open.notes?.() ?? []) say(`${pair.name}: ${note}`);
  return { pair, result: resultOf(pair, measured) };
}

async function readCommitted(): Promise<Results | undefined> {
  try {
    return readResults(await Deno.readTextFile(RESULTS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function write(results: Results): Promise<void> {
  await Deno.mkdir(join(RESULTS, ".."), { recursive: true });
  await Deno.writeTextFile(RESULTS, resultsText(results));
  const page = await Deno.readTextFile(PAGE);
  await Deno.writeTextFile(PAGE, pageWith(page, results, pairs));
  await Deno.writeTextFile(CHART, chartSvg(rowsOf(results, pairs)));
}

function print(text: string): void {
  // deno-lint-ignore no-console
  console.log(text);
}

await main(async () => {
  const options = parseBenchOptions(Deno.args, pairs);
  if (options === undefined) return print(BENCH_HELP.trimEnd());
  await bench(options);
});
