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

async function contributing(): Promise<string> {
  return await Deno.readTextFile(join(ROOT, "CONTRIBUTING.md"));
}

/** Folders and files below a folder, as paths from it without the end of a file's name. */
async function placesIn(folder: string, prefix = ""): Promise<Place[]> {
  const places: Place[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${prefix}${name.replace(/(?:\.d)?\.ts$/, "")}`;
    places.push({ path, isDirectory });
    if (!isDirectory) continue;
    places.push(...await placesIn(join(folder, name), `${path}/`));
  }
  return places;
}

interface Place {
  readonly path: string;
  readonly isDirectory: boolean;
}

Deno.test("CONTRIBUTING.md tells what every folder of lib is for", async () => {
  const text = await contributing();
  const folders = (await placesIn(join(ROOT, "lib")))
    .filter(({ isDirectory }) => isDirectory)
    .map(({ path }) => path);
  const inOneList = new Set([
    "agent",
    "cli/completion",
    "cli/topics",
    "cli/manager/topics",
    "store/migrations",
    ...["packages", "services", "cron", "mounts", "ssh"]
      .map((name) => `steps/providers/${name}`),
  ]);
  const missing = folders.filter((folder) =>
    !text.includes(`\`${folder}\``) && !inOneList.has(folder)
  );

  assertEquals(missing, []);
  assert(folders.length > 50, `only ${folders.length} folders were found`);
});

Deno.test("each file that the list of folders in CONTRIBUTING.md names is there", async () => {
  const [, list = ""] = (await contributing()).split("\n### Folders\n");
  const [folders = ""] = list.split("\n### ");
  const names = [...folders.matchAll(/`([a-z]\w*_\w+)`/g)]
    .map(([, name = ""]) => name);
  const known = new Set(
    (await placesIn(join(ROOT, "lib"))).map(({ path }) =>
      path.split("/").at(-1)
    ),
  );
  const missing = names.filter((name) => !known.has(name));

  assertEquals(missing, []);
  assert(names.length > 200, `only ${names.length} names were found`);
});
