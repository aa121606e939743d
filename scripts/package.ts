/**
 * Makes .deb and .rpm of both products.
 *
 *     deno task package [--denort auto|official|npm] [--out dist/packages] [--target linux-x64]... [--from FOLDER]
 *
 * `--from` takes the executables of a release instead of building them.
 *
 * @module
 */
import { join } from "@std/path";
import { PiriError } from "../lib/base/errors.ts";
import { VERSION } from "../lib/base/version.ts";
import { build, ROOT } from "./build/build.ts";
import { timeOf } from "./build/commit.ts";
import { readFlags } from "./build/flags.ts";
import { main, say } from "./build/main.ts";
import { agent, manager } from "./build/product.ts";
import { hostTarget, type Target, targetNamed } from "./build/target.ts";
import { makePackages, type Payload } from "./package/make.ts";

const USAGE =
  `Usage: deno task package [--denort auto|official|npm] [--out dist/packages] [--target linux-x64]... [--from FOLDER]`;

await main(async () => {
  const { denort, out, target, from } = readFlags(USAGE, {
    denort: { type: "string", default: "auto" },
    out: { type: "string", default: "dist/packages" },
    target: { type: "string", multiple: true },
    from: { type: "string" },
  });
  const targets = target?.map(targetNamed) ?? [hostTarget()];
  await Deno.mkdir(out, { recursive: true });
  const payloads = from === undefined
    ? await built(targets, denort)
    : released(targets, from);
  const made = await makePackages(payloads, {
    version: VERSION,
    time: await timeOf(ROOT),
    out,
    say,
  });
  if (made.length > 0) return;
  throw new PiriError(
    "UNAVAILABLE",
    "Cannot make packages: they need dpkg-deb or rpmbuild, and a target of Linux",
  );
});

async function built(
  targets: readonly Target[],
  denort: string,
): Promise<Payload[]> {
  const made = await build([manager, agent], {
    targets,
    denort,
    out: "dist/packages/executables",
    nameOf: (product, { name }) => `${product.name}-${name}`,
    say,
  });
  return made.map(({ path, product, target }) => ({
    path,
    product: product.name,
    target,
  }));
}

function released(targets: readonly Target[], from: string): Payload[] {
  return targets.flatMap((target) =>
    [manager, agent].map(({ name: product }) => ({
      path: join(from, `${product}-${target.name}`),
      product,
      target,
    }))
  );
}
