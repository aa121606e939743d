import { join } from "@std/path";
import { build, ROOT } from "../build/build.ts";
import { isStale, SOURCES } from "../build/fresh.ts";
import { say } from "../build/main.ts";
import { agent, manager, observer, type Product } from "../build/product.ts";
import { run } from "../build/run.ts";
import { hostTarget } from "../build/target.ts";

/** Way to start the programs: the words before their arguments. */
export interface Programs {
  readonly manager: readonly string[];
  readonly agent: readonly string[];
  /** The agent that can only look. */
  readonly observer: readonly string[];
}

/** Starts them with `deno run`, with the flags of the compiled programs. */
export const fromSource: Programs = {
  manager: sourceArgv(manager),
  agent: sourceArgv(agent),
  observer: sourceArgv(observer),
};

function sourceArgv(product: Product): string[] {
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--config",
    join(ROOT, "deno.json"),
    ...product.flags,
    join(ROOT, product.entry),
  ];
}

/** Executables that `deno task build` has made, from whatever sources; undefined if one is missing. */
export async function compiled(): Promise<Programs | undefined> {
  for (const product of PRODUCTS) {
    if (!await isFile(pathOf(product))) return undefined;
  }
  return inDist();
}

/**
 * The executables, built first if they are missing or older than the sources. Simultaneous calls share one build.
 *
 * @throws any error of the build
 */
export async function fresh(): Promise<Programs> {
  const cache = join(ROOT, ".cache");
  await Deno.mkdir(cache, { recursive: true });
  using lock = await Deno.open(join(cache, "build.lock"), {
    create: true,
    write: true,
  });
  await lock.lock(true);
  const stale = await Promise.all(
    PRODUCTS.map((product) => isStale(pathOf(product), ROOT, SOURCES)),
  );
  if (stale.includes(true)) await buildAll();
  return inDist();
}

/** Builds with the pinned Deno, whichever runs this: npm has a runtime base for no other. */
async function buildAll(): Promise<void> {
  const pinned = (await Deno.readTextFile(join(ROOT, ".deno-version"))).trim();
  if (Deno.version.deno !== pinned) {
    const script = Deno.build.os === "windows" ? "deno.cmd" : "deno";
    await run([join(ROOT, "scripts", script), "task", "build"]);
    return;
  }
  await build(PRODUCTS, {
    targets: [hostTarget()],
    denort: "auto",
    out: DIST,
    nameOf: fileName,
    say,
  });
}

const PRODUCTS = [manager, agent, observer];

const DIST = join(ROOT, "dist");

function inDist(): Programs {
  return {
    manager: [pathOf(manager)],
    agent: [pathOf(agent)],
    observer: [pathOf(observer)],
  };
}

function pathOf(product: Product): string {
  return join(DIST, fileName(product));
}

function fileName({ name }: Product): string {
  return name + hostTarget().suffix;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
