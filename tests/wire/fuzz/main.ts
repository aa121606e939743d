/**
 * Tries messages of hostile and broken peers, on both sides of the protocol.
 *
 *     deno task fuzz --inputs 1000000
 *     deno task fuzz --side manager --seed 17 --inputs 100
 *     deno task fuzz --keep
 *
 * A failure is printed with the command that repeats it, and ends with exit code 1. `--keep` looks for inputs that
 * reach something new, beyond those in tests/wire/corpus.
 *
 * @module
 */
import { collect } from "./collect.ts";
import { BATCH, describe, runBatch, type Side, SIDES } from "./fuzz.ts";
import { Troubles } from "./troubles.ts";
import { oneOf, readFlags, wholeNumber } from "../../../scripts/build/flags.ts";
import { main, say } from "../../../scripts/build/main.ts";

/** Time between reports of progress, in milliseconds. */
const TELL_MS = 10_000;

const USAGE = `Usage: deno task fuzz [--inputs 100000] [--seed S] [--side ${
  SIDES.join("|")
}] [--keep]`;

/** Extent of a run. */
interface Trial {
  readonly inputs: number;
  readonly firstSeed: number;
  readonly sides: readonly Side[];
  readonly troubles: Troubles;
}

await main(async () => {
  const { inputs, seed, side, keep } = readFlags(USAGE, {
    inputs: { type: "string", default: "100000" },
    seed: {
      type: "string",
      default: String(Math.floor(Math.random() * 2 ** 31)),
    },
    side: { type: "string" },
    keep: { type: "boolean", default: false },
  });
  const sides = side === undefined ? SIDES : [oneOf("side", side, SIDES)];
  const wanted = {
    inputs: wholeNumber("inputs", inputs, 1),
    firstSeed: wholeNumber("seed", seed),
    sides,
  };
  await using troubles = await Troubles.watch();
  const trial = { ...wanted, troubles };
  Deno.exitCode = keep ? await keepSome(trial) : await fuzz(trial);
});

async function keepSome(
  { sides, firstSeed, inputs, troubles }: Trial,
): Promise<number> {
  for (const side of sides) {
    const kept = await collect(side, { seed: firstSeed, inputs, troubles });
    say(`${side}: ${kept.length} inputs kept`);
  }
  return 0;
}

async function fuzz(
  { sides, firstSeed, inputs, troubles }: Trial,
): Promise<number> {
  const begun = performance.now();
  const reached = new Set<string>();
  const heaps: string[] = [];
  let done = 0;
  let bytes = 0;
  let toldAt = begun;
  say(`${inputs} inputs from seed ${firstSeed}`);
  for (let seed = firstSeed; done < inputs; seed++) {
    for (const side of sides) {
      const batch = await runBatch(side, seed >>> 0, troubles);
      if (batch.failure !== undefined) {
        say(describe(batch.failure));
        return 1;
      }
      done += batch.inputs;
      bytes += batch.bytes;
      remember(side, batch.features, reached);
    }
    if (performance.now() - toldAt < TELL_MS && done < inputs) continue;
    toldAt = performance.now();
    heaps.push(heap());
    say(`${done} inputs, ${rate(done, begun)}, heap ${heaps.at(-1)}`);
  }
  say(
    `no failure in ${done} inputs of ${BATCH} a target, ${
      Math.round(bytes / 1e6)
    } MB, ${rate(done, begun)}; ${reached.size} things reached; heap at first ${
      heaps[0]
    }, at last ${heaps.at(-1)}`,
  );
  return 0;
}

function remember(
  side: Side,
  features: ReadonlySet<string>,
  reached: Set<string>,
): void {
  for (const feature of features) reached.add(`${side} ${feature}`);
}

/** Size of the live heap, where the garbage can be collected on request. */
function heap(): string {
  const collectGarbage: unknown = Reflect.get(globalThis, "gc");
  if (typeof collectGarbage === "function") collectGarbage();
  return `${(Deno.memoryUsage().heapUsed / 2 ** 20).toFixed(1)} MiB`;
}

function rate(done: number, begun: number): string {
  return `${Math.round(done / ((performance.now() - begun) / 1_000))} inputs/s`;
}
