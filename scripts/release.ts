/**
 * Builds the executables for every target, and a file with their SHA-256 sums.
 *
 *     deno task release [--denort official|npm] [--out dist/release] [--target linux-x64]...
 *
 * @module
 */
import { basename, join } from "@std/path";
import { createHash } from "node:crypto";
import { build, type BuildOptions } from "./build/build.ts";
import { readFlags } from "./build/flags.ts";
import { main, say } from "./build/main.ts";
import { agent, manager, observer } from "./build/product.ts";
import { targetNamed, targets } from "./build/target.ts";

const USAGE =
  "Usage: deno task release [--denort official|npm] [--out dist/release] [--target linux-x64]...";

/** Text for `sha256sum --check`. */
async function sumsOf(paths: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const path of paths.toSorted()) {
    const hash = createHash("sha256").update(await Deno.readFile(path));
    lines.push(`${hash.digest("hex")}  ${basename(path)}\n`);
  }
  return lines.join("");
}

await main(async () => {
  const { denort, out, target: names } = readFlags(USAGE, {
    denort: { type: "string", default: "official" },
    out: { type: "string", default: "dist/release" },
    target: { type: "string", multiple: true },
  });
  const chosen = names?.map(targetNamed) ?? targets;
  const options: Omit<BuildOptions, "targets"> = {
    denort,
    out,
    nameOf: (product, { name, suffix }) => `${product.name}-${name}${suffix}`,
    say,
  };
  const paths = [
    ...await build([manager, agent], { ...options, targets: chosen }),
    // On Windows it could not see who may read its key.
    ...await build([observer], {
      ...options,
      targets: chosen.filter(({ suffix }) => suffix === ""),
    }),
  ];
  await Deno.writeTextFile(join(out, "SHA256SUMS"), await sumsOf(paths));
});
