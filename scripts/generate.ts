/**
 * Makes proto/gen from proto/piri, or with --check says whether it is stale.
 *
 * buf and its plugin come by npx, so that no clone has to install them.
 *
 * @module
 */
const BUF = "@bufbuild/buf@1.74.0";
const PLUGIN = "@bufbuild/protoc-gen-es@2.17.0";

async function buf(...args: string[]): Promise<void> {
  const npx = Deno.build.os === "windows" ? "npx.cmd" : "npx";
  const { success, code } = await new Deno.Command(npx, {
    args: ["-y", "-p", BUF, "-p", PLUGIN, "buf", ...args],
    cwd: new URL("../proto/", import.meta.url),
  }).output().then(({ success, code, stdout, stderr }) => {
    Deno.stdout.writeSync(stdout);
    Deno.stderr.writeSync(stderr);
    return { success, code };
  });
  if (!success) {
    throw new Error(`Cannot run buf ${args[0]}: it ended with ${code}`);
  }
}

async function snapshot(folder: URL): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) {
      for (const [name, text] of await snapshot(url)) files.set(name, text);
    } else {
      files.set(url.pathname, await Deno.readTextFile(url));
    }
  }
  return files;
}

const gen = new URL("../proto/gen/", import.meta.url);
const check = Deno.args.includes("--check");
const before = check ? await snapshot(gen) : new Map<string, string>();
await buf("lint");
await buf("generate");
if (check) {
  const after = await snapshot(gen);
  const stale = [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name));
  if (stale.length > 0) {
    throw new Error(
      `proto/gen was stale, run "deno task generate" and commit:\n${
        stale.join("\n")
      }`,
    );
  }
}
