/**
 * Tries what hostile and broken peers may say, on both sides of the protocol.
 *
 *     deno task fuzz --inputs 1000000
 *     deno task fuzz --side manager --seed 17 --inputs 100
 *     deno task fuzz --keep
 *
 * A failure is printed with the command that shows it again, and ends with exit code 1. `--keep` looks for inputs that
 * reach what none in tests/wire/corpus does.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { collect } from "../tests/wire/fuzz/collect.ts";
import {
  BATCH,
  describe,
  runBatch,
  type Side,
  SIDES,
} from "../tests/wire/fuzz/fuzz.ts";
import { Troubles } from "../tests/wire/fuzz/troubles.ts";
import { say } from "./build/main.ts";

/** How often it tells how far it is, milliseconds. */
const TELL_MS = 10_000;

const flags = parseArgs(Deno.args, {
  string: ["inputs", "seed", "side"],
  boolean: ["keep"],
});
const inputs = Number(flags.inputs ?? 100_000);
const firstSeed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31));
const sides = SIDES.filter((side) => (flags.side ?? side) === side);
await using troubles = await Troubles.watch();
Deno.exitCode = flags.keep ? await keepSome() : await fuzz();

async function keepSome(): Promise<number> {
  for (const side of sides) {
    const kept = await collect(side, { seed: firstSeed, inputs, troubles });
    say(`${side}: ${kept.length} inputs kept`);
  }
  return 0;
}

async function fuzz(): Promise<number> {
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

/** What lives, where the garbage can be collected on request. */
function heap(): string {
  const collectGarbage: unknown = Reflect.get(globalThis, "gc");
  if (typeof collectGarbage === "function") collectGarbage();
  return `${(Deno.memoryUsage().heapUsed / 2 ** 20).toFixed(1)} MiB`;
}

function rate(done: number, begun: number): string {
  return `${Math.round(done / ((performance.now() - begun) / 1_000))} inputs/s`;
}
