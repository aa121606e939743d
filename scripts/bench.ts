/**
 * Measures Piri beside what it is to be compared with, in one run and in turns, and writes bench/results.json.
 *
 *     deno task bench [name...] [--rounds 5]
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";
import { join } from "@std/path";
import { parseArgs } from "node:util";
import { PiriError } from "../lib/base/errors.ts";
import { machineName } from "./bench/machine.ts";
import { measure, ROUNDS } from "./bench/measure.ts";
import type { Pair } from "./bench/pair.ts";
import { pairs } from "./bench/pairs.ts";
import { merged, readResults, resultOf } from "./bench/results.ts";
import { legend, markdownTable, type Row } from "./bench/table.ts";
import { ROOT } from "./build/build.ts";
import { commitOf } from "./build/commit.ts";
import { main, say } from "./build/main.ts";

const PATH = join(ROOT, "bench", "results.json");

function chosen(names: readonly string[]): readonly Pair[] {
  const known = pairs.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot measure "${name}": there are ${known.join(", ")}; did you mean "${
        closestString(name, known)
      }"?`,
    );
  }
  return names.length === 0
    ? pairs
    : pairs.filter(({ name }) => names.includes(name));
}

/** Measures one pair; undefined if it cannot be measured here. */
async function rowOf(pair: Pair, rounds: number): Promise<Row | undefined> {
  const opened = await pair.open();
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
  return { pair, result: resultOf(pair, measured) };
}

async function formerResults() {
  try {
    return readResults(await Deno.readTextFile(PATH));
  } catch {
    return undefined;
  }
}

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: "string", default: String(ROUNDS) } },
  });
  const rows: Row[] = [];
  for (const pair of chosen(positionals)) {
    const row = await rowOf(pair, Number(values.rounds));
    if (row !== undefined) rows.push(row);
  }
  const results = merged(await formerResults(), {
    machine: machineName(),
    commit: await commitOf(ROOT),
    deno: Deno.version.deno,
    results: rows.map(({ result }) => result),
  });
  await Deno.mkdir(join(PATH, ".."), { recursive: true });
  await Deno.writeTextFile(PATH, `${JSON.stringify(results, null, 2)}\n`);
  // deno-lint-ignore no-console
  console.log(
    `${markdownTable(rows)}\n\n${legend(rows.map(({ pair }) => pair))}`,
  );
});
