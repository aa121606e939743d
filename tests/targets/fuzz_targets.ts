import { cpuUsage } from "node:process";
import { PiriError } from "../../lib/base/errors.ts";
import { formatTargets } from "../../lib/targets/format_targets.ts";
import { parseTargets } from "../../lib/targets/parse_targets.ts";
import { resolveTargets } from "../../lib/targets/resolve_targets.ts";
import { TargetError } from "../../lib/targets/target_error.ts";
import { Seeded } from "../support/seeded.ts";
import { agent, worldOf } from "./world.ts";

/** Longest processor time for one input, in milliseconds. Other programs may take the processor for longer. */
const LIMIT_MS = 5_000;

/** Expressions that inputs are made of. */
const SEEDS: readonly string[] = [
  "web-1",
  "web-*",
  "web-[01-20,25]",
  "rack[1-4]-node[01-40]",
  "db[1-9/2]",
  "web-{a,b,{c,d}}",
  "@web & @eu ! web-3",
  "@job(j-17),@failed(j-2) or @lost(j-1)",
  "@ok(j-17) and not @away",
  "@connected",
  'os.name="Debian GNU/Linux 1?"',
  "memory_mb>=8GiB & agent.version<0.10.2",
  "group!=web or state=away",
  "not (all ! web-1)",
  "(a, (b, (c & d)))",
  '"all",@"away"',
  "'it\\'s'='2\\*2'",
];

/** Pieces that are put in anywhere. */
const PIECES: readonly string[] = [
  ..."*?[]{}()@!&,=<>\"'\\/%~^$.-_:;| \t\n0919azAZé\u202e\ud800\0",
  "and ",
  " or ",
  "not ",
  "all",
  "@failed(j-",
  "[1-99999]",
  "[0-9]",
  "((((((((",
  "{a,",
  "!=",
  "99999999999999999999",
  "toString",
  "__proto__",
];

const world = worldOf([
  agent("web-1", { groups: ["web", "eu"], facts: { "os.name": "debian" } }),
  agent("web-2", { groups: ["web"], connected: false }),
  agent("all", { facts: { memory_mb: "16384", "agent.version": "0.10.2" } }),
], { "job 17": ["web-1", "gone"] });

/** An input for which a promise did not hold. */
export interface FuzzFailure {
  readonly seed: number;
  readonly input: string;
  readonly reason: string;
}

/** Tries one input, and says what is wrong; undefined if nothing is. */
export function tryInput(seed: number): FuzzFailure | undefined {
  const input = inputOf(new Seeded(seed));
  const begun = cpuUsage();
  const reason = faultOf(input);
  const { user, system } = cpuUsage(begun);
  const took = (user + system) / 1_000;
  if (reason !== undefined) return { seed, input, reason };
  return took > LIMIT_MS
    ? { seed, input, reason: `it took ${Math.round(took)} ms of the processor` }
    : undefined;
}

function faultOf(input: string): string | undefined {
  let formatted: string;
  try {
    const expression = parseTargets([input]);
    formatted = formatTargets(expression);
    const again = parseTargets([formatted]);
    if (
      JSON.stringify(again.node, bigints) !==
        JSON.stringify(expression.node, bigints)
    ) {
      return `it reads differently when it is written as ${formatted}`;
    }
    if (formatTargets(again) !== formatted) {
      return `${formatted} has no one form`;
    }
    resolveTargets(expression, world);
  } catch (error) {
    return faultOfError(error, input);
  }
  return undefined;
}

function faultOfError(error: unknown, input: string): string | undefined {
  if (!(error instanceof PiriError)) return `it throws ${error}`;
  if (error.code === "NOT_FOUND") return undefined;
  if (!(error instanceof TargetError)) return `it throws ${error}`;
  if (error.expression !== input) return `another text is quoted: ${error}`;
  const { column } = error;
  return column >= 1 && column <= [...input].length + 1
    ? undefined
    : `the column ${column} is outside of the text`;
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

/** Correct expressions with damage, put together. */
function inputOf(random: Seeded): string {
  let text = random.pick(SEEDS);
  while (random.chance(0.3)) {
    text += random.pick([",", " & ", " ! ", " or ", " "]) + random.pick(SEEDS);
  }
  const damages = random.pick([0, 1, 1, 2, 3, 10]);
  for (let done = 0; done < damages; done++) {
    const at = random.below(text.length + 1);
    const end = at + (random.chance(0.5) ? 0 : random.below(5));
    const piece = random.chance(0.2)
      ? random.pick(PIECES).repeat(random.pick([1, 2, 50, 400]))
      : random.pick(PIECES);
    text = text.slice(0, at) + (random.chance(0.3) ? "" : piece) +
      text.slice(end);
  }
  return text;
}
