/**
 * Names the tests that a log of `deno test --parallel` has no line of: deno run -A .ci/not_run.ts LOG
 *
 * Deno ends a file at a test that waits for something that can never happen, and does not say which test it was.
 */

const folder = new URL("../", import.meta.url);
const [log = ""] = Deno.args;
const ended = await Deno.readTextFile(log);

const names: string[] = [];
const register = (first: unknown, second?: unknown): void => {
  const named = typeof first === "string" || typeof second !== "string"
    ? first
    : second;
  names.push(typeof named === "string" ? named : Object(named).name);
};
// Importing a test file registers its tests, and runs none.
Object.assign(register, { ignore: register, only: register });
Object.defineProperty(Deno, "test", { value: register });

for (const path of testFiles("tests")) {
  names.length = 0;
  await import(new URL(path, folder).href);
  const missing = names.filter((name) =>
    !ended.includes(`./${path} => ${escaped(name)} ...`)
  );
  const [first] = missing;
  if (first === undefined) continue;
  const others = missing.length - 1;
  const after = others > 0 ? `, and ${others} after it did not run` : "";
  Deno.stderr.writeSync(
    new TextEncoder().encode(
      `error: a test did not end: ${path} => ${first}${after}\n`,
    ),
  );
  Deno.exitCode = 1;
}
// Some test files hold what would keep this program going.
Deno.exit();

/** A name as Deno prints it. */
function escaped(name: string): string {
  return name.replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

function testFiles(path: string): string[] {
  return [...Deno.readDirSync(new URL(`${path}/`, folder))]
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .flatMap(({ name, isDirectory }) =>
      isDirectory
        ? testFiles(`${path}/${name}`)
        : name.endsWith("_test.ts")
        ? [`${path}/${name}`]
        : []
    );
}
