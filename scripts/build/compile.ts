import type { Base } from "./base.ts";
import type { Bundle } from "./bundle.ts";
import type { Product } from "./product.ts";
import { run } from "./run.ts";
import type { Target } from "./target.ts";

/** Parts and target of an executable. */
export interface CompileOptions {
  readonly bundle: Bundle;
  readonly base: Base;
  readonly target: Target;
  /** Path of the executable. */
  readonly output: string;
}

/** Compiles a bundle into an executable, replacing an older one. */
export async function compile(
  product: Product,
  { bundle, base, target, output }: CompileOptions,
): Promise<void> {
  await run([
    Deno.execPath(),
    "compile",
    "--quiet",
    // The bundle imports nothing else. With the config, all its npm packages would be included: 150 MB of them for
    // development.
    "--no-config",
    "--no-lock",
    "--no-check",
    // The code cache would be in the temporary folder at a path that others can predict: not safe for an agent that
    // runs as root.
    "--no-code-cache",
    ...product.flags,
    "--target",
    target.triple,
    "--output",
    output,
    ...bundle.workers.flatMap((worker) => ["--include", worker]),
    bundle.main,
  ], base.path === undefined ? {} : { env: { DENORT_BIN: base.path } });
}
