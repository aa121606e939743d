/**
 * Builds the executables for this machine.
 *
 *     deno task build [--denort auto|official|npm|<path>] [--out dist]
 *
 * @module
 */
import { build } from "./build/build.ts";
import { readFlags } from "./build/flags.ts";
import { main, say } from "./build/main.ts";
import { agent, manager, observer } from "./build/product.ts";
import { hostTarget } from "./build/target.ts";

const USAGE =
  "Usage: deno task build [--denort auto|official|npm|<path>] [--out dist]";

await main(async () => {
  const { denort, out } = readFlags(USAGE, {
    denort: { type: "string", default: "auto" },
    out: { type: "string", default: "dist" },
  });
  await build([manager, agent, observer], {
    targets: [hostTarget()],
    denort,
    out,
    nameOf: ({ name }, { suffix }) => name + suffix,
    say,
  });
});
