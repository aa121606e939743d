/**
 * Builds the executables for this machine.
 *
 *     deno task build [--denort auto|official|npm|<path>] [--out dist] [--version 0.2.0] [--update-key KEY]...
 *
 * @module
 */
import { build } from "./build/build.ts";
import { readFlags } from "./build/flags.ts";
import { main, say } from "./build/main.ts";
import { agent, manager, observer } from "./build/product.ts";
import { hostTarget } from "./build/target.ts";

const USAGE =
  "Usage: deno task build [--denort auto|official|npm|<path>] [--out dist] [--version 0.2.0] [--update-key KEY]...";

await main(async () => {
  const flags = readFlags(USAGE, {
    denort: { type: "string", default: "auto" },
    out: { type: "string", default: "dist" },
    version: { type: "string" },
    "update-key": { type: "string", multiple: true },
  });
  const { denort, out, version, "update-key": updateKeys } = flags;
  await build([manager, agent, observer], {
    targets: [hostTarget()],
    denort,
    out,
    stamps: { version, updateKeys },
    nameOf: ({ name }, { suffix }) => name + suffix,
    say,
  });
});
