import { PiriError } from "../lib/base/errors.ts";
import { nearest } from "../lib/base/nearest.ts";
import { parseFlags, wholeNumber } from "../scripts/build/flags.ts";
import { ROUNDS } from "./measure.ts";
import type { Pair, Size } from "./pair.ts";

/** Number of rounds of a quick run. */
const QUICK_ROUNDS = 2;

/** Text of `--help`. */
export const BENCH_HELP = `\
Measures Piri beside what it is to be compared with, in one run and in turns.

Usage: deno task bench [name...] [flags]

  name         what to measure (all of it)
  --rounds N   rounds that count (${ROUNDS}; ${QUICK_ROUNDS} with --quick)
  --quick      less of everything, in a few minutes; nothing is written
  --compare    print the ratios beside those of bench/results.json; nothing is written
  --page       measure nothing: write the results into docs/performance.md again
`;

export interface BenchOptions {
  readonly pairs: readonly Pair[];
  readonly rounds: number;
  readonly size: Size;
  readonly compare: boolean;
  readonly page: boolean;
}

/** Reads the arguments; undefined if they ask for help. Throws INVALID_ARGUMENT or NOT_FOUND. */
export function parseBenchOptions(
  args: readonly string[],
  pairs: readonly Pair[],
): BenchOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const size = values.quick ? "quick" : "full";
  return {
    pairs: chosen(positionals, pairs),
    rounds: values.rounds === undefined
      ? size === "quick" ? QUICK_ROUNDS : ROUNDS
      : wholeNumber("rounds", values.rounds, 1),
    size,
    compare: values.compare,
    page: values.page,
  };
}

function parse(args: readonly string[]) {
  return parseFlags({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      compare: { type: "boolean", default: false },
      page: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
}

function chosen(
  names: readonly string[],
  pairs: readonly Pair[],
): readonly Pair[] {
  const known = pairs.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot measure "${name}": there are ${known.join(", ")}${
        nearest(name, known) === undefined
          ? ""
          : `; did you mean "${nearest(name, known)}"?`
      }`,
    );
  }
  return names.length === 0
    ? pairs
    : pairs.filter(({ name }) => names.includes(name));
}
