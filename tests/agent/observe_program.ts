// Operations that act, with no policy in their way: only the runtime can stop them. Prints what became of each.
// deno-lint-ignore-file no-console
import { encodeHex } from "@std/encoding/hex";
import { messageOf } from "../../lib/base/errors.ts";
import { sha256 } from "../../lib/base/sha256.ts";
import { noGuard } from "../../lib/operations/guard.ts";
import type { OperationContext } from "../../lib/operations/operation.ts";
import { checkParams } from "../../lib/operations/params.ts";
import { operationNamed } from "../../lib/operations/registry.ts";
import { standardSurroundings } from "../../lib/operations/surroundings.ts";

const content = new TextEncoder().encode("trace");
const head = '{"piri":"tree","version":1}\n';
const file = {
  kind: "file",
  name: "",
  mtimeMs: 0,
  size: content.length,
  sha256: encodeHex(sha256(content)),
};
const link = { kind: "link", name: "", mtimeMs: 0, target: Deno.args[0] };
const blobs = new Map(
  [
    content,
    ...[file, link].map((entry) =>
      new TextEncoder().encode(`${head}${JSON.stringify(entry)}\n`)
    ),
  ].map((bytes) => [encodeHex(sha256(bytes)), bytes] as const),
);
const [, tree = "", treeOfLink = ""] = blobs.keys();
const [outside = ""] = Deno.args;

const context: OperationContext = {
  commandId: 1n,
  marker: "marker",
  signal: new AbortController().signal,
  kill: new AbortController().signal,
  stopRequested: () => false,
  started: () => {},
  surroundings: {
    ...standardSurroundings(),
    stepsFolder: `${Deno.cwd()}/steps`,
  },
  guard: noGuard,
  secret: () => Promise.reject(new Error("no secret is asked for")),
  data: {
    text: () =>
      Promise.resolve(
        JSON.stringify({
          size: content.length,
          sha256: encodeHex(sha256(content)),
        }),
      ),
    bytes: (_type, params) => {
      const { sha256: wanted = "" } = params as { sha256?: string };
      return Promise.resolve((blobs.get(wanted) ?? content).slice());
    },
  },
};

async function attempt(name: string, params: object): Promise<string> {
  const operation = operationNamed(name, { allowTestOperations: false });
  try {
    const checked = checkParams(operation, JSON.stringify(params));
    const events = operation.run(checked, context);
    for (;;) {
      const { done, value } = await events.next();
      if (done) return value.success ? "done" : `failed: ${value.message}`;
    }
  } catch (error) {
    return `refused: ${messageOf(error)}`;
  }
}

/** Steps end as failed, and say what they were refused. */
async function attemptStep(name: string, params: object): Promise<string> {
  const steps = [{ name, operation: name, params }];
  const sheet = { format: 1, state: "", steps };
  const one = await attempt("state.Apply", { sheet });
  return one.replace("failed: step", "refused: step");
}

/** Tries what an operation of another version could do. */
function direct(call: () => unknown): string {
  try {
    call();
    return "done";
  } catch (error) {
    return `refused: ${messageOf(error)}`;
  }
}

const path = `${outside}/trace`;
const own = Deno.cwd();
const source = "trace";
console.log(JSON.stringify([
  await attempt("command.Run", { argv: ["/bin/sh", "-c", `echo > ${path}`] }),
  await attempt("command.Run", { shell: `echo > ${path}` }),
  await attempt("file.Fetch", { path, source }),
  await attempt("file.Fetch", { path: `${own}/../outside/trace`, source }),
  await attempt("file.Fetch", {
    path: `${outside}/a/b`,
    source,
    parents: true,
  }),
  await attempt("file.Installed", { path, source, method: "content" }),
  await attempt("file.Put", { path, tree }),
  await attempt("file.Put", { path: `${own}/link`, tree: treeOfLink }),
  await attemptStep("file.Installed", { path, content: "trace" }),
  await attemptStep("file.Dir", { path }),
  await attemptStep("file.Dir", { path: outside, mode: 0o700 }),
  await attemptStep("file.Line", { path, line: "trace", create: true }),
  await attemptStep("file.Block", { path, content: "trace", create: true }),
  await attemptStep("file.Symlinked", { path, target: "kept" }),
  await attemptStep("file.Absent", { path: `${outside}/kept` }),
  await attemptStep("file.Tree", {
    path: outside,
    source: `${head}${JSON.stringify({ ...file, name: "trace" })}\n`,
  }),
  await attemptStep("command.Run", { shell: `echo > ${path}` }),
  await attemptStep("command.RunMultiple", { commands: [`echo > ${path}`] }),
  await attemptStep("wait.For", { port: 1, timeout: 10 }),
  await attemptStep("archive.Extracted", {
    path: `${outside}/folder`,
    url: "http://127.0.0.1:1/a.tar",
    sha256: "0".repeat(64),
  }),
  await attemptStep("cron.Job", {
    name: "piri-trace",
    schedule: "0 3 * * *",
    command: "true",
  }),
  await attemptStep("file.Downloaded", {
    path,
    url: "http://127.0.0.1:1/a",
    sha256: "0".repeat(64),
  }),
  await attemptStep("git.UpToDate", { target: path, repo: outside }),
  await attemptStep("group.Present", { name: "piri-trace" }),
  await attemptStep("host.Entry", { ip: "192.0.2.1", names: ["piri-trace"] }),
  await attemptStep("kernel.Module", { name: "piri-trace" }),
  await attemptStep("mount.Mounted", {
    path: outside,
    source: "tmpfs",
    fstype: "tmpfs",
  }),
  await attemptStep("package.Installed", { name: "piri-trace" }),
  await attemptStep("service.Restart", { name: "piri-trace" }),
  await attemptStep("ssh.KnownHosts", {
    host: "piri-trace",
    keys: [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOdU9JsIJECE2dV2orRC39h4iY6yPxYCwemWYhSHs0JD",
    ],
  }),
  await attemptStep("sysctl.Parameter", { name: "vm.trace", value: "1" }),
  await attemptStep("systemd.Unit", { name: "piri-trace", content: "[Unit]" }),
  await attemptStep("user.Present", { name: "piri-trace" }),
  direct(() => Deno.symlinkSync(outside, `${own}/link`)),
  direct(() => Deno.linkSync(`${outside}/kept`, `${own}/link`)),
  direct(() => Deno.renameSync(`${outside}/kept`, `${own}/kept`)),
  direct(() => Deno.removeSync(`${outside}/kept`)),
  direct(() => Deno.chmodSync(`${outside}/kept`, 0o4755)),
  direct(() => {
    Deno.chdir(outside);
    Deno.writeTextFileSync("trace", "trace");
  }),
  direct(() => Deno.kill(Deno.ppid, "SIGCONT")),
  direct(() => Deno.dlopen("libc.so.6", {})),
  await attempt("file.Stat", { path: outside }),
  direct(() => Deno.writeTextFileSync(`${own}/own`, "own")),
]));
