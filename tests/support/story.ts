import { say } from "../../scripts/build/main.ts";
import { compiled, type Executables, fromSource } from "./executables.ts";

// Tests are registered before any runs, so whether there are executables must be known by then.
const built = await compiled();

if ("unavailable" in built) {
  say(`Stories of the compiled programs are ignored: ${built.unavailable}`);
}

/**
 * Registers a story twice, once for the programs run from source and once for the compiled ones.
 *
 * Where those cannot be had, the second is ignored.
 */
export function story(
  name: string,
  body: (executables: Executables) => Promise<void>,
  { ignore = false }: Pick<Deno.TestDefinition, "ignore"> = {},
): void {
  Deno.test({
    name: `${name} (source)`,
    ignore,
    fn: () => body(fromSource),
  });
  Deno.test({
    name: `${name} (compiled)`,
    ignore: ignore || "unavailable" in built,
    fn: async () => {
      if ("unavailable" in built) throw new TypeError(built.unavailable);
      await body(built);
    },
  });
}
