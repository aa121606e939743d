import { assertEquals, assertStringIncludes } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { byteCalls } from "../../../lib/files/byte_calls.ts";
import { parseTree, type TreeEntry } from "../../../lib/files/tree.ts";
import { outline, sha256Of } from "../../files/support.ts";
import { floodBytes } from "../../support/program.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { see } from "./start.ts";

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

const posix = Deno.build.os !== "windows";

/** Puts files, and returns the parameters and the tree that were sent. */
async function put(
  args: readonly string[],
  manager = new FakeManager(),
): Promise<{ params: Record<string, unknown>; entries: TreeEntry[] }> {
  manager.commands = [command()];
  const { code, stderr } = await see(["put", "--detach", ...args], { manager });
  assertEquals([code, stderr], [0, ""]);
  const [run] = manager.runs;
  assertEquals(run?.operation, "file.Put");
  const { tree, ...params } = JSON.parse(run?.params ?? "");
  const text = new TextDecoder().decode(manager.blobs.kept.get(tree));
  return { params, entries: parseTree(text) };
}

Deno.test("a folder is sent as the path itself, with all that is in it", async () => {
  await using temp = await TempFolder.make();
  await temp.write("site/index.html", "<p>");
  await temp.write("site/sub/empty", "");
  const manager = new FakeManager();
  const { params, entries } = await put(
    [temp.at("site"), "web-1:/srv/www"],
    manager,
  );

  assertEquals(params, { path: "/srv/www" });
  assertEquals(manager.runs[0]?.targets?.expressions, ["web-1"]);
  assertEquals(outline(entries), [
    ". folder",
    "index.html file",
    "sub folder",
    "sub/empty file",
  ]);
  assertEquals(manager.blobs.kept.has(sha256Of("<p>")), true);
});

Deno.test("several sources, or a path that ends as a folder, go into that folder by their names", async () => {
  await using temp = await TempFolder.make();
  await temp.write("site/index.html", "<p>");
  await temp.write("a.conf", "a");
  const both = await put([temp.at("a.conf"), temp.at("site"), "web-1:/srv"]);
  const one = await put([temp.at("a.conf"), "web-1:/srv/"]);

  assertEquals([both.params, one.params], [{ path: "/srv/" }, {
    path: "/srv/",
  }]);
  assertEquals(outline(both.entries), [
    "a.conf file",
    "site folder",
    "site/index.html file",
  ]);
  assertEquals(outline(one.entries), ["a.conf file"]);
});

Deno.test("the note of the job names the sources, their files and their size", async () => {
  await using temp = await TempFolder.make();
  await temp.write("site/index.html", "<p>");
  await temp.write("site/sub/empty", "");
  await temp.write("a.conf", "a".repeat(2_048));
  const manager = new FakeManager();
  await put([temp.at("a.conf"), "web-1:/etc/a.conf"], manager);
  await put([temp.at("a.conf"), temp.at("site"), "web-1:/srv"], manager);

  assertEquals(manager.runs.map(({ note }) => note), [
    "a.conf (2.0 KiB)",
    "a.conf, site (3 files, 2.0 KiB)",
  ]);
});

Deno.test("flags become parameters, and a path may have colons", async () => {
  await using temp = await TempFolder.make();
  const file = await temp.write("f", "x");
  const { params } = await put([
    ...["--mode", "0640", "--owner", "app:adm", "--mkdir"],
    ...["--delete", "--backup", file, "web-1:C:\\a:b"],
  ]);

  assertEquals(params, {
    path: "C:\\a:b",
    mode: "0640",
    user: "app",
    group: "adm",
    parents: true,
    delete: true,
    backup: true,
  });
});

Deno.test("small files are sent together and each large one by itself, equal or known content once", async () => {
  await using temp = await TempFolder.make();
  const large = floodBytes(600_000);
  const known = floodBytes(300_000);
  await temp.write("d/large", large);
  await temp.write("d/same", large);
  await temp.write("d/known", known);
  await temp.write("d/small", "small");
  const manager = new FakeManager();
  manager.blobs.kept.set(sha256Of(known), known);
  await put([temp.at("d"), "web-1:/d"], manager);

  assertEquals(manager.blobs.kept.get(sha256Of(large)), large);
  const [first, ...others] = manager.blobs.pieces;
  assertEquals(first, large.length);
  // The other one is the list.
  assertEquals(others.length, 1);
});

Deno.test({
  name: "links are sent as links, and a pipe is left out and named",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    await Deno.mkdir(temp.at("d"));
    await Deno.symlink("/etc/passwd", temp.at("d/link"));
    await new Deno.Command("mkfifo", { args: [temp.at("d/pipe")] }).output();
    const manager = new FakeManager();
    manager.commands = [command()];
    const { stderr } = await see(
      ["put", "--detach", temp.at("d"), "web-1:/d"],
      { manager },
    );
    const { tree } = JSON.parse(manager.runs[0]?.params ?? "");
    const text = new TextDecoder().decode(manager.blobs.kept.get(tree));

    assertEquals(outline(parseTree(text)), [
      ". folder",
      "link -> /etc/passwd",
    ]);
    assertStringIncludes(
      stderr,
      `left out, as it is no file, folder or link: ${temp.at("d/pipe")}`,
    );
  },
});

const WRONG: readonly [readonly string[], string][] = [
  [["web-1:/x"], "no file or folder is named; AGENT:PATH comes last"],
  [["a", "b"], '"b" is not AGENT:PATH'],
  [["a", "web-1:"], '"web-1:" is not AGENT:PATH'],
  [["a", ":/x"], '":/x" is not AGENT:PATH'],
  [["--mode", "u+x", "a", "web-1:/x"], "is no octal number"],
  [["--owner", "a:b:c", "a", "web-1:/x"], "is neither USER nor USER:GROUP"],
  [["deno.json", "./deno.json", "web-1:/x"], 'are named "deno.json"'],
];

for (const [args, message] of WRONG) {
  Deno.test(`put ${args.join(" ")} is refused`, async () => {
    const { code, stderr, manager } = await see(["put", ...args]);

    assertEquals([code, manager.runs], [2, []]);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("a source that is not there is named, and nothing is started", async () => {
  const { code, stderr, manager } = await see(
    ["put", "/no/such/folder/f", "web-1:/x"],
  );

  assertEquals([code, manager.runs], [5, []]);
  assertStringIncludes(
    stderr,
    'Cannot read "/no/such/folder": there is no such file or folder',
  );
});

Deno.test("put ends with the exit code of its command", async () => {
  await using temp = await TempFolder.make();
  const file = await temp.write("f", "x");
  const manager = new FakeManager();
  const { start } = await import("./start.ts");
  manager.commands = [command()];
  const { code, terminal } = await start(["put", file, "web-1:/f"], {
    manager,
  });
  const { until } = await import("../../support/live_program.ts");
  await until("it watches", () => Promise.resolve(manager.watches[0]));
  manager.watch.state(command({
    state: CommandState.FAILED,
    reason: 'Cannot write "/f": it is full',
    errorCode: "DISK",
  })).end();

  assertEquals(await code, 1);
  assertStringIncludes(terminal.stderr.text, 'Cannot write "/f": it is full');
});
