import { join } from "@std/path";
import { messageOf, PiriError } from "../../lib/base/errors.ts";
import { build, ROOT } from "../../scripts/build/build.ts";
import { isStale, SOURCES } from "../../scripts/build/fresh.ts";
import { say } from "../../scripts/build/main.ts";
import { agent, manager, type Product } from "../../scripts/build/product.ts";
import { hostTarget } from "../../scripts/build/target.ts";

/** A way to start the two programs: what comes before their arguments. */
export interface Executables {
  readonly way: "source" | "compiled";
  readonly manager: readonly string[];
  readonly agent: readonly string[];
}

/** The compiled programs cannot be had on this machine. */
export interface Unavailable {
  readonly unavailable: string;
}

/** Starts them as `deno run` does, with the permissions that the compiled ones have. */
export const fromSource: Executables = {
  way: "source",
  manager: sourceArgv(manager),
  agent: sourceArgv(agent),
};

function sourceArgv({ entry, permissions }: Product): string[] {
  const config = join(ROOT, "deno.json");
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--config",
    config,
    ...permissions,
    join(ROOT, entry),
  ];
}

/**
 * The compiled programs, built first if they are missing or older than the sources.
 *
 * Test files that run side by side build once.
 *
 * @throws whatever is wrong with the build itself; in CI also what makes it unavailable.
 */
export async function compiled(): Promise<Executables | Unavailable> {
  const products = [manager, agent];
  const out = join(ROOT, "dist");
  const cache = join(ROOT, ".cache");
  await Deno.mkdir(cache, { recursive: true });
  using lock = await Deno.open(join(cache, "build.lock"), {
    create: true,
    write: true,
  });
  await lock.lock(true);
  try {
    const { suffix } = hostTarget();
    const pathOf = ({ name }: Product) => join(out, name + suffix);
    const stale = await Promise.all(
      products.map((product) => isStale(pathOf(product), ROOT, SOURCES)),
    );
    if (stale.includes(true)) {
      await build(products, {
        targets: [hostTarget()],
        denort: "auto",
        out,
        nameOf: ({ name }) => name + suffix,
        say,
      });
    }
    return {
      way: "compiled",
      manager: [pathOf(manager)],
      agent: [pathOf(agent)],
    };
  } catch (error) {
    if (!(error instanceof PiriError) || isContinuousIntegration()) throw error;
    if (error.code !== "UNAVAILABLE" && error.code !== "UNSUPPORTED") {
      throw error;
    }
    return { unavailable: messageOf(error) };
  }
}

function isContinuousIntegration(): boolean {
  return !["", "0", "false"].includes(Deno.env.get("CI") ?? "");
}
