import type { Base } from "./base.ts";
import type { Bundle } from "./bundle.ts";
import type { Product } from "./product.ts";
import { run } from "./run.ts";
import type { Target } from "./target.ts";

/** What an executable is made of and for. */
export interface CompileOptions {
  readonly bundle: Bundle;
  readonly base: Base;
  readonly target: Target;
  /** The executable's path. */
  readonly output: string;
}

/** Makes an executable out of a bundle, in place of the one that was there. */
export async function compile(
  product: Product,
  { bundle, base, target, output }: CompileOptions,
): Promise<void> {
  await run([
    Deno.execPath(),
    "compile",
    "--quiet",
    // The bundle imports nothing else. With the config, all of its npm packages would go in, 150 MB of them for development.
    "--no-config",
    "--no-lock",
    "--no-check",
    // It would be kept at a path in the temp folder that others can foresee: not for an agent that is root.
    "--no-code-cache",
    ...product.permissions,
    "--target",
    target.triple,
    "--output",
    output,
    ...bundle.workers.flatMap((worker) => ["--include", worker]),
    bundle.main,
  ], base.path === undefined ? {} : { env: { DENORT_BIN: base.path } });
}
