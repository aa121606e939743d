import { basename, join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { VERSION } from "../../lib/base/version.ts";
import { packData } from "./packed_data.ts";
import type { Product } from "./product.ts";
import { run } from "./run.ts";
import { stableBundle, withoutPaths } from "./stable_bundle.ts";

/** Line of lib/base/version.ts, and of its bundles, that names the commit. */
const UNSTAMPED = 'COMMIT = "source"';

/** Lines of the same kind with the version, and with the keys that sign releases. */
const OWN_VERSION = `VERSION = "${VERSION}"`;
const NO_KEYS = 'UPDATE_KEYS = ""';

/** Texts of a build that are not in the sources. */
export interface Stamps {
  /** Version instead of that of the sources; for tests of updates. */
  readonly version?: string | undefined;
  /** Public keys of minisign that sign releases. */
  readonly updateKeys?: readonly string[] | undefined;
}

/** A product as JavaScript files in one folder. They import nothing but each other. */
export interface Bundle {
  readonly main: string;
  readonly workers: readonly string[];
}

/** Sources and place of a bundle. */
export interface BundleOptions {
  /** Root of the repository. */
  readonly root: string;
  /** Existing folder for the files. */
  readonly folder: string;
  /** Value of `COMMIT` in lib/base/version.ts. */
  readonly commit: string;
  /** Time of the files. An executable contains it. */
  readonly time: Date;
  readonly stamps?: Stamps | undefined;
}

/**
 * Bundles a product and its workers. The product becomes one file, and one more for each part that it imports on
 * demand: a part that is not imported is not even read, and reading is most of the time of a start. Each worker is one
 * file.
 *
 * Bundling does not follow `new URL("./worker.ts", import.meta.url)`. So the URL in the bundle is replaced by the name
 * of the worker's bundle, which is in the same folder.
 */
export async function bundle(
  product: Product,
  { root, folder, commit, time, stamps }: BundleOptions,
): Promise<Bundle> {
  await run([
    ...[Deno.execPath(), "bundle", "--quiet", "--code-splitting"],
    ...["--outdir", folder, product.entry],
  ], { cwd: root });
  const parts = await takeParts(folder);
  const stamp = `COMMIT = "${commit}"`;
  replaceInOne(parts, UNSTAMPED, stamp);
  const version = `VERSION = "${stamps?.version ?? VERSION}"`;
  if (version !== OWN_VERSION) replaceInOne(parts, OWN_VERSION, version);
  const keys = stamps?.updateKeys ?? [];
  if (keys.length > 0) {
    replaceInOne(parts, NO_KEYS, `UPDATE_KEYS = "${keys.join(" ")}"`);
  }
  const workers: string[] = [];
  for (const module of product.workers) {
    const name = basename(module);
    const bundled = name.replace(/\.ts$/, ".js");
    replaceInOne(
      parts,
      `new URL("./${name}", import.meta.url)`,
      `new URL("./${bundled}", import.meta.url)`,
    );
    const path = join(folder, bundled);
    const worker = withoutPaths(await bundleModule(module, root));
    // A worker may not use the commit, but if it does, it must have the same one.
    await Deno.writeTextFile(
      path,
      worker.replaceAll(UNSTAMPED, stamp).replaceAll(OWN_VERSION, version),
    );
    workers.push(path);
  }
  for (const [path, text] of parts) await Deno.writeTextFile(path, text);
  for (const path of [...parts.keys(), ...workers]) {
    await Deno.utime(path, time, time);
  }
  const main = join(folder, basename(product.entry).replace(/\.ts$/, ".js"));
  return { main, workers };
}

/** Takes the parts of the bundle out of the folder, and gives them names of their own. */
async function takeParts(folder: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    texts.set(name, packData(await Deno.readTextFile(join(folder, name))));
    await Deno.remove(join(folder, name));
  }
  return new Map(
    [...stableBundle(texts)].map(([name, text]) => [join(folder, name), text]),
  );
}

/**
 * Replaces a text that must occur exactly once in all of these files together.
 *
 * @throws {PiriError} INTERNAL
 */
function replaceInOne(
  parts: Map<string, string>,
  from: string,
  to: string,
): void {
  const having = [...parts].filter(([, text]) => text.includes(from));
  const [[path, text] = ["", ""], ...others] = having;
  if (others.length > 0) {
    throw new PiriError(
      "INTERNAL",
      `Cannot put '${to}' into the bundle: '${from}' is in ${having.length} of its files`,
    );
  }
  parts.set(path, replaceOnce(text, from, to));
}

/**
 * Replaces a text that must occur exactly once.
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
  // Not minified: the runtime alone has 97 MB, and stack traces of agents should be readable.
  return await run([Deno.execPath(), "bundle", "--quiet", module], {
    cwd: root,
  });
}
