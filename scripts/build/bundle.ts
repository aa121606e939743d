import { basename, join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import type { Product } from "./product.ts";
import { run } from "./run.ts";

/** What lib/base/version.ts says, and so do bundles of it. */
const UNSTAMPED = 'COMMIT = "source"';

/** A product as JavaScript files without imports, all in one folder. */
export interface Bundle {
  readonly main: string;
  readonly workers: readonly string[];
}

/** What a product is bundled from and into. */
export interface BundleOptions {
  /** The root of the repository. */
  readonly root: string;
  /** The folder for the files; it exists. */
  readonly folder: string;
  /** What `COMMIT` of lib/base/version.ts becomes. */
  readonly commit: string;
}

/**
 * Bundles a product and its workers, each to one file.
 *
 * Bundling does not follow `new URL("./worker.ts", import.meta.url)`, so in the bundle it is made to name the worker's
 * bundle, which lies beside it.
 */
export async function bundle(
  product: Product,
  { root, folder, commit }: BundleOptions,
): Promise<Bundle> {
  let text = await bundleModule(product.entry, root);
  const stamp = `COMMIT = "${commit}"`;
  text = replaceOnce(text, UNSTAMPED, stamp);
  const workers: string[] = [];
  for (const module of product.workers) {
    const name = basename(module);
    const bundled = name.replace(/\.ts$/, ".js");
    text = replaceOnce(
      text,
      `new URL("./${name}", import.meta.url)`,
      `new URL("./${bundled}", import.meta.url)`,
    );
    const path = join(folder, bundled);
    const worker = await bundleModule(module, root);
    // A worker need not know its commit; if it does, it must be told the same.
    await Deno.writeTextFile(path, worker.replaceAll(UNSTAMPED, stamp));
    workers.push(path);
  }
  const main = join(folder, `${product.name}.js`);
  await Deno.writeTextFile(main, text);
  return { main, workers };
}

/**
 * Replaces a piece of text that must be there exactly once.
 *
 * @throws {PiriError} INTERNAL
 */
export function replaceOnce(text: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) {
    throw new PiriError(
      "INTERNAL",
      `Cannot put '${to}' into the bundle: '${from}' is there ${
        parts.length - 1
      } times instead of once`,
    );
  }
  return parts.join(to);
}

async function bundleModule(module: string, root: string): Promise<string> {
  // Not minified: the runtime is 97 MB, and stack traces of agents should be readable.
  return await run([Deno.execPath(), "bundle", "--quiet", module], {
    cwd: root,
  });
}
