import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../../lib/base/sha256.ts";
import { treeLines } from "../../lib/files/tree.ts";
import { blobsOfRun } from "../../lib/operations/state_run.ts";
import { FakeHost, type FakeNode, type Tree } from "./fake_host.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";

const folder: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };
const file = (text: string, mode = 0o644): FakeNode => ({
  kind: "file",
  mode,
  uid: 0,
  gid: 0,
  text,
});

/** Host whose Manager has a folder with two files, a folder and a link. */
function hostWith(tree: Tree) {
  const host = new FakeHost(tree);
  const blob = (text: string) => {
    const hash = encodeHex(sha256(text));
    host.blobs.set(hash, text);
    return { sha256: hash, size: text.length };
  };
  const source = [
    ...treeLines([
      { kind: "folder", name: "", mtimeMs: 0 },
      { kind: "file", name: "a", mtimeMs: 0, ...blob("one") },
      { kind: "folder", name: "in", mtimeMs: 0 },
      { kind: "file", name: "in/b", mtimeMs: 0, ...blob("two") },
      { kind: "link", name: "l", mtimeMs: 0, target: "a" },
    ]),
  ].join("");
  const sheet = (more: object = {}) =>
    sheetOf(
      { operation: "file.Dir", params: { path: "/srv", clean: true } },
      {
        operation: "file.Tree",
        params: { path: "/srv/site", source, ...more },
      },
    );
  return { host, sheet, list: blob(source) };
}

Deno.test("a folder gets all that the Manager's has, and what it needs only", async () => {
  const { host, sheet } = hostWith(
    new Map([["/srv", folder], ["/srv/site", folder], [
      "/srv/site/a",
      file("one", 0o600),
    ], ["/srv/site/own", file("own")]]),
  );

  const planned = await planOn(host, sheet());
  const applied = await applyOn(host, sheet());
  const again = await applyOn(host, sheet());

  assertEquals(planned.steps[1]?.changes.map(({ what }) => what), [
    "folder of in",
    "content of in/b",
    "link of l",
  ]);
  assertEquals(applied.steps[1]?.changes, planned.steps[1]?.changes);
  assertEquals(host.tree.get("/srv/site/in/b"), file("two"));
  assertEquals(host.tree.get("/srv/site/a"), file("one", 0o600));
  assertEquals(host.tree.has("/srv/site/own"), true);
  assertEquals([applied.end.success, again.end.changed], [true, false]);
});

Deno.test("a clean tree loses what the Manager's has not, but for what is excluded", async () => {
  const { host, sheet } = hostWith(
    new Map([
      ["/srv", folder],
      ["/srv/site", folder],
      ["/srv/site/in", folder],
      ["/srv/site/in/own", file("own")],
      ["/srv/site/x.log", file("log")],
      ["/srv/site/old", folder],
      ["/srv/site/old/a", file("a")],
    ]),
  );

  const { end } = await applyOn(
    host,
    sheet({ clean: true, exclude: ["*.log", "a"] }),
  );

  assertEquals(end.success, true);
  assertEquals([...host.tree.keys()].toSorted(), [
    "/",
    "/srv",
    "/srv/site",
    "/srv/site/in",
    "/srv/site/in/b",
    "/srv/site/l",
    "/srv/site/old",
    "/srv/site/old/a",
    "/srv/site/x.log",
  ]);
});

Deno.test("a command names the blobs of its sheet, and which are lists of files", () => {
  const { list, sheet } = hostWith(new Map());

  assertEquals(
    blobsOfRun({ sheet: { ...sheet({ source: { $blob: list } }) } }),
    [{ sha256: list.sha256, isTree: true }],
  );
});
