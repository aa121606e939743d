import { assert, assertEquals, assertRejects } from "@std/assert";
import { codeOf, PiriError } from "../../lib/base/errors.ts";
import { type TreeEntry, treeLines } from "../../lib/files/tree.ts";
import { filePut } from "../../lib/operations/file_put.ts";
import type { DataSource } from "../../lib/operations/operation.ts";
import { blobsOf } from "../../lib/operations/registry.ts";
import { fileOf, folderOf, linkOf, sha256Of } from "../files/support.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { finish, newContext, textOf } from "./support.ts";

const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;

/** Manager with a tree and the contents of its files, and the hash of the tree. */
function treeOf(
  entries: readonly TreeEntry[],
  contents: readonly string[] = [],
): { tree: string; data: DataSource; asked: string[] } {
  const text = [...treeLines(entries)].join("");
  const blobs = new Map(
    [text, ...contents].map((content) => [
      sha256Of(content),
      new TextEncoder().encode(content),
    ]),
  );
  const asked: string[] = [];
  return {
    tree: sha256Of(text),
    asked,
    data: {
      text: () => Promise.reject(new PiriError("NOT_FOUND", "none")),
      bytes: (_type, params) => {
        const { sha256, offset, length } = params as {
          sha256: string;
          offset: number;
          length: number;
        };
        asked.push(sha256);
        const bytes = blobs.get(sha256);
        return bytes === undefined
          ? Promise.reject(new PiriError("NOT_FOUND", "Cannot find the blob"))
          : Promise.resolve(bytes.slice(offset, offset + length));
      },
    },
  };
}

Deno.test("a tree is put on the host, and what was done is told", async () => {
  await using temp = await TempFolder.make();
  const path = temp.at("site");
  const { tree, data } = treeOf(
    [folderOf(""), fileOf("a", "one"), folderOf("d"), fileOf("d/b", "two!")],
    ["one", "two!"],
  );
  const { stdout, outcome, progress } = await finish(
    filePut.run({ tree, path }, newContext(data)),
  );

  assertEquals(await Deno.readTextFile(temp.at("site/d/b")), "two!");
  assertEquals(
    textOf(stdout),
    `wrote 2 files (7 bytes), 2 folders to ${path}; 2 modes, owners and times set\n`,
  );
  assertEquals([outcome.success, outcome.changed], [true, true]);
  assertEquals(progress.at(-1), { current: 7, total: 7 });
});

Deno.test("file.Put asks for the list and nothing else when all is there", async () => {
  await using temp = await TempFolder.make();
  const path = temp.at("site");
  const { tree, data, asked } = treeOf(
    [folderOf(""), fileOf("a", "one"), fileOf("empty", "")],
    ["one"],
  );
  await finish(filePut.run({ tree, path }, newContext(data)));
  asked.length = 0;
  const { stdout, outcome } = await finish(
    filePut.run({ tree, path }, newContext(data)),
  );

  assertEquals(textOf(stdout), `unchanged: ${path}\n`);
  assertEquals(outcome.changed, false);
  assertEquals(asked, [tree]);
});

Deno.test("one file gets the name of the path, and several go into a folder", async () => {
  await using temp = await TempFolder.make();
  const one = treeOf([fileOf("", "one")], ["one"]);
  await finish(filePut.run(
    { tree: one.tree, path: temp.at("renamed") },
    newContext(one.data),
  ));
  const two = treeOf([fileOf("a", "1"), fileOf("b", "2")], ["1", "2"]);
  await finish(filePut.run(
    { tree: two.tree, path: `${temp.at("new/er")}/`, parents: true },
    newContext(two.data),
  ));

  assertEquals(await Deno.readTextFile(temp.at("renamed")), "one");
  assertEquals(await Deno.readTextFile(temp.at("new/er/b")), "2");
});

const REFUSED: readonly [
  string,
  readonly TreeEntry[],
  (folder: string) => string,
  string,
][] = [
  [
    "a folder above that is missing",
    [fileOf("", "one")],
    (folder) => `${folder}/no/such`,
    "there is no such file or folder",
  ],
  [
    "a list for a folder and a path that is none",
    [fileOf("a", "one")],
    (folder) => `${folder}/x`,
    "the list of files belongs into a folder",
  ],
  [
    "a list of one file and a path that is a folder",
    [fileOf("", "one")],
    (folder) => `${folder}/`,
    "is that of one file or folder",
  ],
  [
    "a path that goes up at its end",
    [folderOf("")],
    (folder) => `${folder}/..`,
    "is that of one file or folder",
  ],
  [
    "a list that reaches out of the path",
    [fileOf("../x", "one")],
    (folder) => `${folder}/`,
    "no path below its root",
  ],
  [
    "a list with an entry below a link",
    [folderOf(""), linkOf("l", "/etc"), fileOf("l/x", "one")],
    (folder) => `${folder}/x`,
    "would be below a link",
  ],
];

for (const [what, entries, path, reason] of REFUSED) {
  Deno.test(`${what} is refused, and nothing is written`, async () => {
    await using temp = await TempFolder.make();
    const { tree, data } = treeOf(entries, ["one"]);
    await assertRejects(
      () =>
        finish(
          filePut.run({ tree, path: path(temp.path) }, newContext(data)),
        ),
      PiriError,
      reason,
    );

    assertEquals([...Deno.readDirSync(temp.path)], []);
  });
}

Deno.test("a file that the Manager has no longer is an error, and files before it are whole", async () => {
  await using temp = await TempFolder.make();
  const { tree, data } = treeOf([folderOf(""), fileOf("a", "gone")]);
  const error = await assertRejects(() =>
    finish(filePut.run({ tree, path: temp.at("out") }, newContext(data)))
  );

  assertEquals(codeOf(error), "NOT_FOUND");
  assertEquals([...Deno.readDirSync(temp.at("out"))], []);
});

Deno.test({
  name: "owner, group and mode are set on all that is put",
  ignore: !isRoot,
  async fn() {
    await using temp = await TempFolder.make();
    const path = temp.at("out");
    const { tree, data } = treeOf(
      [folderOf(""), fileOf("a", "one"), linkOf("l", "a")],
      ["one"],
    );
    const owned = { tree, path, mode: "0600", user: "65534", group: "12" };
    await finish(filePut.run(owned, newContext(data)));
    const again = await finish(filePut.run(owned, newContext(data)));
    const owners = ["out", "out/a", "out/l"].map((name) => {
      const { uid, gid } = Deno.lstatSync(temp.at(name));
      return [uid, gid];
    });

    assertEquals(owners, Array(3).fill([65_534, 12]));
    assertEquals((Deno.statSync(temp.at("out/a")).mode ?? 0) & 0o777, 0o600);
    assert(!again.outcome.changed);
  },
});

Deno.test("a file that is replaced keeps its owner", {
  ignore: !isRoot,
}, async () => {
  await using temp = await TempFolder.make();
  const path = await temp.write("f", "old");
  await Deno.chown(path, 65_534, 12);
  const { tree, data } = treeOf([fileOf("", "new")], ["new"]);
  await finish(filePut.run({ tree, path }, newContext(data)));

  const { uid, gid } = await Deno.stat(path);
  assertEquals([uid, gid], [65_534, 12]);
});

Deno.test("the list is the blob of the command, and leads to those of its files", () => {
  const tree = "a".repeat(64);

  assertEquals(blobsOf("file.Put", JSON.stringify({ tree, path: "/x" })), [
    { sha256: tree, isTree: true },
  ]);
});
