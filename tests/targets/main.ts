/**
 * Tries damaged target expressions: each must be read or refused at a place inside it, in bounded time, and what was read
 * must read the same again in its one spelling.
 *
 *     deno task fuzz-targets --inputs 1000000
 *     deno task fuzz-targets --seed 17 --inputs 1
 *
 * @module
 */
import { readFlags, wholeNumber } from "../../scripts/build/flags.ts";
import { main, say } from "../../scripts/build/main.ts";
import { tryInput } from "./fuzz_targets.ts";

const USAGE = "Usage: deno task fuzz-targets [--inputs 100000] [--seed S]";

await main(() => {
  const { inputs, seed } = readFlags(USAGE, {
    inputs: { type: "string", default: "100000" },
    seed: {
      type: "string",
      default: String(Math.floor(Math.random() * 2 ** 31)),
    },
  });
  const first = wholeNumber("seed", seed);
  const count = wholeNumber("inputs", inputs, 1);
  say(`${count} inputs from seed ${first}`);
  for (let done = 0; done < count; done++) {
    const failure = tryInput((first + done) >>> 0);
    if (failure === undefined) continue;
    say(`${JSON.stringify(failure.input)}: ${failure.reason}`);
    say(`deno task fuzz-targets --seed ${failure.seed} --inputs 1`);
    Deno.exitCode = 1;
    return Promise.resolve();
  }
  say(`no failure in ${count} inputs`);
  return Promise.resolve();
});
