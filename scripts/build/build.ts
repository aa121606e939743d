import { fromFileUrl, join } from "@std/path";
import { type Base, findBase } from "./base.ts";
import { bundle, type Stamps } from "./bundle.ts";
import { commitOf, timeOf } from "./commit.ts";
import { compile } from "./compile.ts";
import type { Product } from "./product.ts";
import { packagesOf } from "./stable_bundle.ts";
import { shorten } from "./shorten.ts";
import type { Target } from "./target.ts";

/** Root of this repository. */
export const ROOT: string = fromFileUrl(new URL("../../", import.meta.url));

/** Products, targets and places of a build. */
export interface BuildOptions {
  readonly targets: readonly Target[];
  /** Choice of the runtime base, see `findBase`. */
  readonly denort: string;
  /** Folder for the executables, created if needed. */
  readonly out: string;
  /** Name of an executable in that folder. */
  readonly nameOf: (product: Product, target: Target) => string;
  /** Folder of the sources; this repository by default. */
  readonly root?: string;
  readonly stamps?: Stamps | undefined;
  /** Called with each step of the build, in one line. */
  readonly say: (line: string) => void;
}

/** Executable that was built. */
export interface Built {
  readonly path: string;
  readonly product: Product;
  readonly target: Target;
  readonly base: Base;
  /** Packages in it, as `name@version`. */
  readonly packages: readonly string[];
}

/**
 * Builds products for targets.
 *
 * @throws {PiriError} UNAVAILABLE if no runtime base can be found.
 */
export async function build(
  products: readonly Product[],
  { targets, denort, out, nameOf, root = ROOT, stamps, say }: BuildOptions,
): Promise<Built[]> {
  const started = new Date();
  // Find all bases first, because this is the step that fails on a closed network.
  const bases = new Map<Target, Base>();
  for (const target of targets) {
    const base = await findBase(denort, target, join(ROOT, ".cache"));
    say(`Runtime base for ${target.name}: ${base.origin}`);
    bases.set(target, base);
  }
  const commit = await commitOf(root);
  const time = await timeOf(root);
  await Deno.mkdir(out, { recursive: true });
  const made: Built[] = [];
  for (const product of products) {
    const folder = await Deno.makeTempDir({ prefix: "piri-build-" });
    try {
      const bundled = await bundle(product, {
        root,
        folder,
        commit,
        time,
        stamps,
      });
      // Their names are in comments.
      const packages = await packagesIn(folder);
      await shorten(folder, time);
      for (const [target, base] of bases) {
        const output = join(out, nameOf(product, target));
        await compile(product, { bundle: bundled, base, target, output });
        // A source that is saved during the build must count as newer than its result.
        await Deno.utime(output, started, started);
        const { size } = await Deno.stat(output);
        say(`${output}: ${(size / 1e6).toFixed(1)} MB, commit ${commit}`);
        made.push({ path: output, product, target, base, packages });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
  return made;
}

async function packagesIn(folder: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(join(folder, name));
    for (const each of packagesOf(text)) found.add(each);
  }
  return [...found].toSorted();
}
