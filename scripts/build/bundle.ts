import { basename, join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { VERSION } from "../../lib/base/version.ts";
import { packData } from "./packed_data.ts";
import type { Product } from "./product.ts";
import { run } from "./run.ts";
import { stableBundle } from "./stable_bundle.ts";

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
 * Bundles a product and its workers. Each becomes a file, and there is one more for each part that several of them have,
 * and for each that is imported on demand: a part that is not imported is not even read, and reading is most of the time
 * of a start.
 *
 * Bundling does not follow `new URL("./worker.ts", import.meta.url)`. So the URL in the bundle is replaced by the name
 * of the worker's file, which is in the same folder.
 */
export async function bundle(
  product: Product,
  { root, folder, commit, time, stamps }: BundleOptions,
): Promise<Bundle> {
  await run([
    ...[Deno.execPath(), "bundle", "--quiet", "--code-splitting"],
    ...["--outdir", folder, product.entry, ...product.workers],
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
    workers.push(join(folder, bundled));
  }
  for (const [path, text] of parts) {
    await Deno.writeTextFile(path, text);
    await Deno.utime(path, time, time);
  }
  const main = join(folder, basename(product.entry).replace(/\.ts$/, ".js"));
  return { main, workers };
}

/** Import of a part by a worker, which the bundler writes in a folder like that of its source. */
const FROM_BELOW = /(["'])(?:\.\.\/)+([\w-]+\.js)\1/g;

/** Takes the parts of the bundle out of the folder, and gives them names of their own, all in one folder. */
async function takeParts(folder: string): Promise<Map<string, string>> {
  const texts = await textsBelow(folder);
  for (const { name } of [...Deno.readDirSync(folder)]) {
    await Deno.remove(join(folder, name), { recursive: true });
  }
  return new Map(
    [...stableBundle(texts)].map(([name, text]) => [join(folder, name), text]),
  );
}

/** Texts of the files in a folder and below, by the names of the files. */
async function textsBelow(folder: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) {
      for (const [name, text] of await textsBelow(path)) {
        texts.set(name, text.replaceAll(FROM_BELOW, "$1./$2$1"));
      }
    } else texts.set(name, packData(await Deno.readTextFile(path)));
  }
  return texts;
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
