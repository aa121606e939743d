import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const ROOT = new URL("../../../", import.meta.url);
const WORKER = new URL("lib/agent/workers/worker.ts", ROOT).href;

/** Module as `deno info --json` tells it, as far as this test needs it. */
interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** Modules that are loaded with the worker, and those that it loads later. */
async function modulesOfWorker() {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", fromFileUrl(WORKER)],
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: readonly Module[];
  };
  const byName = new Map(modules.map((each) => [each.specifier, each]));
  const loaded = new Set([WORKER]);
  for (const name of loaded) {
    for (const { code, isDynamic } of byName.get(name)?.dependencies ?? []) {
      if (code?.specifier !== undefined && !isDynamic) {
        loaded.add(code.specifier);
      }
    }
  }
  return { all: [...byName.keys()], loaded: [...loaded] };
}

Deno.test("a worker loads the operations of steps only with the first of them", async () => {
  const { all, loaded } = await modulesOfWorker();
  const steps = (names: readonly string[]) =>
    names.filter((name) => name.includes("/lib/steps/operations/")).length;

  assertEquals([steps(all) > 40, steps(loaded)], [true, 0]);
});
