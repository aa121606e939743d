import { join } from "@std/path";
import { ROOT } from "../build/build.ts";
import { agent, manager, type Product } from "../build/product.ts";
import { hostTarget } from "../build/target.ts";

/** A way to start the two programs: what comes before their arguments. */
export interface Programs {
  readonly manager: readonly string[];
  readonly agent: readonly string[];
}

/** Starts them as `deno run` does, with the permissions that the compiled ones have. */
export const fromSource: Programs = {
  manager: sourceArgv(manager),
  agent: sourceArgv(agent),
};

function sourceArgv({ entry, permissions }: Product): string[] {
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--config",
    join(ROOT, "deno.json"),
    ...permissions,
    join(ROOT, entry),
  ];
}

/** The executables that `deno task build` has made, whatever sources they are of; undefined if one is missing. */
export async function compiled(): Promise<Programs | undefined> {
  const argvOf = ({ name }: Product) => [
    join(ROOT, "dist", name + hostTarget().suffix),
  ];
  const programs = { manager: argvOf(manager), agent: argvOf(agent) };
  for (const [path = ""] of [programs.manager, programs.agent]) {
    if (!await isFile(path)) return undefined;
  }
  return programs;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
