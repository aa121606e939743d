import { parseArgs } from "@std/cli/parse-args";
import fc from "fast-check";
import { PARTS, PROPERTIES } from "./properties.ts";

const { cases, seed } = parseArgs(Deno.args, {
  string: ["cases", "seed"],
  default: { cases: "10000" },
});

for (const [name, property] of PROPERTIES) {
  const start = performance.now();
  await fc.assert(property(PARTS), {
    numRuns: Number(cases),
    ...seed === undefined ? {} : { seed: Number(seed) },
  });
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  // deno-lint-ignore no-console
  console.log(`${name}, for any sheet: ${cases} cases in ${seconds} s`);
}
