import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { type TreeEntry, treeLines } from "../../../lib/files/tree.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { withBlobs } from "../../../lib/manager/blobs/blob_requests.ts";
import { newCommand } from "../../store/support.ts";
import { BlobsAt, bytesOf, sha256Of } from "./support.ts";

const HOUR_MS = 3_600_000;

/** Text of a tree with files of these contents. */
function treeOf(...contents: readonly string[]): string {
  const entries = contents.map((content, index): TreeEntry => ({
    kind: "file",
    name: `f${index}`,
    mtimeMs: 0,
    size: content.length,
    sha256: sha256Of(content),
  }));
  return [...treeLines(entries)].join("");
}

/** Data service for agents whose open commands name a tree. */
function serviceOf(at: BlobsAt, tree: string) {
  const service = { answer: () => Promise.resolve("other") };
  return withBlobs(service, {
    blobs: {
      namesOf: () => [{ sha256: tree, isTree: true }],
      members: (tree) => at.blobs.members(tree),
      read: (sha256, range) => at.blobs.read(sha256, range),
    },
    counters: new Counters(),
    commandsOf: () => [{ made: newCommand() }],
  });
}

Deno.test("a command that names a tree leads to its files, and to no others", async () => {
  await using at = await BlobsAt.start();
  const [one = "", other = ""] = await at.blobs.add(
    ["one", "other"].map(bytesOf),
  );
  const tree = await at.put(treeOf("one"));
  const service = serviceOf(at, tree);
  const ask = (sha256: string) =>
    service.answer(
      { id: "web-1", groups: [] },
      "blob",
      JSON.stringify({ sha256, offset: 0, length: 9 }),
    );

  assertEquals(await ask(one), bytesOf("one"));
  assertEquals(await ask(tree), bytesOf(treeOf("one").slice(0, 9)));
  const denied = await assertRejects(() => ask(other), PiriError);
  assertEquals(denied.code, "DENIED");
});

Deno.test("the files of a tree are kept as long as the tree, and go with it", async () => {
  await using at = await BlobsAt.start();
  await at.blobs.add(["one", "two", "other"].map(bytesOf));
  const tree = await at.put(treeOf("one", "two"));
  at.uses = [{ sha256: tree, isTree: true, endedAt: 5 }];
  await at.clock.advance(HOUR_MS);
  await at.blobs.sweep();
  assertEquals(
    await at.files(),
    [tree, sha256Of("one"), sha256Of("two")].sort(),
  );
  at.uses = [];
  await at.blobs.sweep();

  assertEquals(await at.files(), []);
});

Deno.test("small blobs that come together are kept each once", async () => {
  await using at = await BlobsAt.start();
  const contents = ["a", "b", "a"].map(bytesOf);
  const hashes = await at.blobs.add(contents);
  await at.blobs.add(contents);
  await at.restart();

  assertEquals(hashes, ["a", "b", "a"].map(sha256Of));
  assertEquals(await at.files(), [sha256Of("a"), sha256Of("b")].sort());
  assertEquals(at.blobs.figures, { count: 2, bytes: 2, limit: 1_000 });
});
