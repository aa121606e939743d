import { join } from "@std/path";
import { build, ROOT } from "../build/build.ts";
import { isStale, SOURCES } from "../build/fresh.ts";
import { say } from "../build/main.ts";
import { agent, manager } from "../build/product.ts";
import { hostTarget } from "../build/target.ts";
import type { Programs } from "../local/programs.ts";

/** The executables in dist/, made first if they are missing or older than the sources. */
export async function freshExecutables(): Promise<Programs> {
  const { suffix } = hostTarget();
  const out = join(ROOT, "dist");
  const products = [manager, agent];
  const paths = products.map(({ name }) => join(out, name + suffix));
  const stale = await Promise.all(
    paths.map((path) => isStale(path, ROOT, SOURCES)),
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
  const [managerPath = "", agentPath = ""] = paths;
  return { manager: [managerPath], agent: [agentPath] };
}
