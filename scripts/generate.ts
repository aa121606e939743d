/**
 * Generates proto/gen and tests/protobuf/gen from proto/piri. With --check, reports if they are stale.
 *
 * buf and its plugin are run by npx, so that no clone has to install them.
 *
 * @module
 */
import { enumsModule, messagesModule } from "./generate/messages.ts";

const BUF = "@bufbuild/buf@1.74.0";
const PLUGIN = "@bufbuild/protoc-gen-es@2.17.0";

/** Runs buf and returns its output. */
async function buf(...args: string[]): Promise<Uint8Array> {
  const npx = Deno.build.os === "windows" ? "npx.cmd" : "npx";
  const { success, code, stdout, stderr } = await new Deno.Command(npx, {
    args: ["-y", "-p", BUF, "-p", PLUGIN, "buf", ...args],
    cwd: new URL("../proto/", import.meta.url),
  }).output();
  Deno.stderr.writeSync(stderr);
  if (!success) {
    Deno.stdout.writeSync(stdout);
    throw new Error(`Cannot run buf ${args[0]}: it ended with ${code}`);
  }
  return stdout;
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

async function write(name: string, text: string): Promise<void> {
  await Deno.writeTextFile(new URL(name, gen), text);
}

async function snapshots(): Promise<Map<string, string>> {
  return new Map([...await snapshot(gen), ...await snapshot(testGen)]);
}

const gen = new URL("../proto/gen/", import.meta.url);
/** Messages of the agent protocol for the reflective library, which only tests use. */
const testGen = new URL("../tests/protobuf/gen/", import.meta.url);
const check = Deno.args.includes("--check");
const before = check ? await snapshots() : new Map<string, string>();
await buf("lint");
await buf("generate");
await Deno.rename(
  new URL("piri/agent/v1/agent_pb.ts", gen),
  new URL("agent_pb.ts", testGen),
);
const image = await buf("build", "-o", "-");
const runtime = "../../../../../lib/protobuf";
await write(
  "piri/agent/v1/agent_messages.ts",
  messagesModule(image, {
    file: "piri/agent/v1/agent.proto",
    runtime,
  }),
);
const control = "piri/control/v1/control.proto";
await write("piri/control/v1/control_enums.ts", enumsModule(image, control));
await write(
  "piri/control/v1/control_messages.ts",
  messagesModule(image, {
    file: control,
    runtime,
    enums: "./control_enums.ts",
  }),
);
if (check) {
  const after = await snapshots();
  const stale = [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name));
  if (stale.length > 0) {
    throw new Error(
      `Generated code was stale, run "deno task generate" and commit:\n${
        stale.join("\n")
      }`,
    );
  }
}
