/**
 * Makes the two executables for this machine.
 *
 *     deno task build [--denort auto|official|npm|<path>] [--out dist]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { build } from "./build/build.ts";
import { main, say } from "./build/main.ts";
import { agent, manager } from "./build/product.ts";
import { hostTarget } from "./build/target.ts";

const { values: { denort, out } } = parseArgs({
  args: Deno.args,
  options: {
    denort: { type: "string", default: "auto" },
    out: { type: "string", default: "dist" },
  },
});
await main(async () => {
  await build([manager, agent], {
    targets: [hostTarget()],
    denort,
    out,
    nameOf: ({ name }, { suffix }) => name + suffix,
    say,
  });
});
