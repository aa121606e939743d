import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** Longest map that somebody reads on the first day, in lines. */
const MAX_LINES = 120;

async function architecture(): Promise<string> {
  return await Deno.readTextFile(join(ROOT, "docs/architecture.md"));
}

/** Paths in the repository that a text names in code style. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/`([\w./-]+)`/g)]
    .map(([, path = ""]) => path)
    .filter((path) => path.includes("/") || path.endsWith(".ts"));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(join(ROOT, path)).then(() => true, () => false);
}

Deno.test("every path in docs/architecture.md exists", async () => {
  const paths = pathsIn(await architecture());
  const missing: string[] = [];
  for (const path of paths) {
    if (!await exists(path)) missing.push(path);
  }

  assertEquals(missing, []);
  assert(paths.length > 40, `only ${paths.length} paths were found`);
});

Deno.test("a path that does not exist is found", async () => {
  assertEquals(pathsIn("see `lib/no/such.ts` and `deno task ok`"), [
    "lib/no/such.ts",
  ]);
  assertEquals(await exists("lib/no/such.ts"), false);
});

Deno.test("docs/architecture.md is short enough to be read", async () => {
  const lines = (await architecture()).trimEnd().split("\n").length;

  assert(lines <= MAX_LINES, `it has ${lines} lines`);
});
