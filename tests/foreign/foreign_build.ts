import { join } from "@std/path";
import { build, ROOT } from "../../scripts/build/build.ts";
import { isStale, SOURCES } from "../../scripts/build/fresh.ts";
import { say } from "../../scripts/build/main.ts";
import { agent, manager, type Product } from "../../scripts/build/product.ts";
import { targetNamed } from "../../scripts/build/target.ts";

/** Folder for what takes long to make, and is kept for later runs. */
export const FOREIGN: string = join(ROOT, ".cache", "foreign");

/** Executables of both programs. */
export interface Built {
  readonly manager: string;
  readonly agent: string;
}

/**
 * The executables for another system, on a runtime base from npm. They are built first if they are missing, or older than
 * the sources.
 *
 * @throws {PiriError} UNAVAILABLE if npm has no runtime base for this Deno, or cannot be reached
 */
export async function builtFor(name: string): Promise<Built> {
  const target = targetNamed(name);
  const out = join(FOREIGN, name);
  const pathOf = (product: Product) =>
    join(out, `${product.name}${target.suffix}`);
  const made = { manager: pathOf(manager), agent: pathOf(agent) };
  await Deno.mkdir(out, { recursive: true });
  using lock = await Deno.open(`${out}.lock`, { create: true, write: true });
  await lock.lock(true);
  const stale = await Promise.all(
    Object.values(made).map((path) => isStale(path, ROOT, SOURCES)),
  );
  if (stale.includes(true)) {
    await build([manager, agent], {
      targets: [target],
      denort: "npm",
      out,
      nameOf: ({ name }, { suffix }) => name + suffix,
      say,
    });
  }
  return made;
}
