import { assert, assertEquals, assertRejects } from "@std/assert";
import { codeOf, PiriError } from "../../lib/base/errors.ts";
import {
  factsAt,
  HostFolder,
  makeFolder,
  namesIn,
} from "../../lib/files/host_files.ts";
import { temporaryOf } from "../../lib/files/partial_file.ts";
import { TempFolder } from "../support/temp_folder.ts";
import {
  fileOf,
  folderOf,
  linkOf,
  outline,
  readTree,
  writeTree,
} from "./support.ts";

const posix = Deno.build.os !== "windows";
const linux = Deno.build.os === "linux";
const MEGABYTE = 1_048_576;

/** Tree with a bit of everything. */
const TREE = [
  folderOf("", 0o750),
  fileOf("a.txt", "first", 0o640),
  folderOf("empty"),
  folderOf("sub", 0o555),
  fileOf("sub/run.sh", "#!/bin/sh\n", 0o755),
  fileOf("sub/nothing", ""),
  linkOf("sub/up", "../a.txt"),
];
const CONTENTS = { "a.txt": "first", "sub/run.sh": "#!/bin/sh\n" };

Deno.test({
  name:
    "a tree is written with modes, times, links and empty folders, and read back as it was",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    const path = temp.at("out");
    const { summary } = await writeTree(path, TREE, { contents: CONTENTS });
    const links = (each: { kind: string }) => each.kind !== "link";

    assertEquals(
      (await readTree(path)).filter(links),
      TREE.toSorted((one, other) => one.name < other.name ? -1 : 1)
        .filter(links),
    );
    assertEquals(await Deno.readLink(temp.at("out/sub/up")), "../a.txt");
    assertEquals(
      [summary.files, summary.folders, summary.links, summary.unchanged],
      [3, 3, 1, 0],
    );
  },
});

Deno.test("a tree that is there already is left as it is", async () => {
  await using temp = await TempFolder.make();
  const tree = posix ? TREE : TREE.filter(({ kind }) => kind !== "link");
  await writeTree(temp.at("out"), tree, { contents: CONTENTS });
  const { summary } = await writeTree(temp.at("out"), tree, {});

  assertEquals(summary, {
    files: 0,
    bytes: 0,
    unchanged: 3,
    folders: 0,
    links: 0,
    attributes: 0,
    deleted: 0,
  });
});

Deno.test("a tree asks for the contents of the files that differ, and for no others", async () => {
  await using temp = await TempFolder.make();
  const path = temp.at("out");
  const contents = { same: "same", other: "old", longer: "1" };
  const before = Object.entries(contents).map(([name, text]) =>
    fileOf(name, text)
  );
  await writeTree(path, [folderOf(""), ...before], { contents });
  const now = { same: "same", other: "new", longer: "12" };
  const after = Object.entries(now).map(([name, text]) => fileOf(name, text));
  const { summary } = await writeTree(path, [folderOf(""), ...after], {
    contents: now,
  });

  assertEquals([summary.files, summary.unchanged], [2, 1]);
  assertEquals(await Deno.readTextFile(temp.at("out/other")), "new");
});

Deno.test({
  name: "names that are not UTF-8 are written and read as bytes",
  ignore: !linux,
  async fn() {
    await using temp = await TempFolder.make();
    const tree = [
      folderOf(""),
      folderOf("caf\udce9", 0o700),
      fileOf("caf\udce9/\udcff.txt", "x", 0o600),
      linkOf("l\udcfe", "nowhere\udcfd"),
    ];
    const path = temp.at("out");
    const contents = { "caf\udce9/\udcff.txt": "x" };
    await writeTree(path, tree, { contents });
    const again = await writeTree(path, tree, {});

    const found = await readTree(path);
    assertEquals(found, tree);
    assertEquals(again.summary.unchanged, 1);
    assertEquals(again.summary.links, 0);
    const gone = await writeTree(path, [folderOf("")], { delete: true });
    assertEquals(gone.summary.deleted, 3);
    assertEquals(namesIn(path), []);
  },
});

Deno.test({
  name:
    "a link in the place of a folder is refused, and nothing is written behind it",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    await Deno.mkdir(temp.at("outside"));
    await Deno.mkdir(temp.at("out"));
    await Deno.symlink(temp.at("outside"), temp.at("out/sub"));
    const error = await assertRejects(
      () => writeTree(temp.at("out"), TREE, { contents: CONTENTS }),
      PiriError,
      "a link is there, and links are not followed",
    );

    assertEquals(codeOf(error), "FAILED_PRECONDITION");
    assertEquals(namesIn(temp.at("outside")), []);
  },
});

Deno.test({
  name: "a link in the place of a file is replaced, and what it leads to stays",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    const secret = await temp.write("secret", "secret");
    await Deno.symlink(secret, temp.at("f"));
    const mode = (await Deno.stat(secret)).mode;
    await writeTree(temp.at("f"), [fileOf("", "new", 0o777)], {
      contents: { "": "new" },
    });

    assertEquals(await Deno.readTextFile(secret), "secret");
    assertEquals((await Deno.stat(secret)).mode, mode);
    assertEquals(factsAt(temp.at("f"))?.kind, "file");
    assertEquals(await Deno.readTextFile(temp.at("f")), "new");
  },
});

Deno.test({
  name:
    "a folder that becomes a link while it is used stays the folder that it was",
  ignore: !linux,
  async fn() {
    await using temp = await TempFolder.make();
    await Deno.mkdir(temp.at("a/b"), { recursive: true });
    await Deno.mkdir(temp.at("outside"));
    using base = HostFolder.open(temp.at("a"));
    using inner = base.enter("b");
    await Deno.rename(temp.at("a/b"), temp.at("a/moved"));
    await Deno.symlink(temp.at("outside"), temp.at("a/b"));
    makeFolder(inner.at("made"));

    assertEquals(namesIn(temp.at("a/moved")), ["made"]);
    assertEquals(namesIn(temp.at("outside")), []);
  },
});

const IN_THE_WAY: readonly [string, (path: string) => Promise<unknown>][] = [
  ["a folder", (path) => Deno.mkdir(path)],
  [
    "a device, pipe or socket",
    (path) => new Deno.Command("mkfifo", { args: [path] }).output(),
  ],
];

for (const [what, make] of IN_THE_WAY) {
  Deno.test({
    name: `${what} in the place of a file is refused`,
    ignore: !posix,
    async fn() {
      await using temp = await TempFolder.make();
      await make(temp.at("f"));
      await assertRejects(
        () => writeTree(temp.at("f"), [fileOf("", "x")]),
        PiriError,
        `Cannot write "${temp.at("f")}" as a file: ${what} is there`,
      );
    },
  });
}

Deno.test("files that a tree does not have are deleted from its folders only if that is asked for", async () => {
  await using temp = await TempFolder.make();
  for (const name of ["out/sub/old", "out/deep/er/old", "beside"]) {
    await temp.write(name, "old");
  }
  const tree = [folderOf(""), folderOf("sub")];
  await writeTree(temp.at("out"), tree);
  assertEquals(namesIn(temp.at("out/sub")), ["old"]);
  const { summary } = await writeTree(temp.at("out"), tree, { delete: true });

  assertEquals(summary.deleted, 4);
  assertEquals(outline(await readTree(temp.at("out"))), [
    ". folder",
    "sub folder",
  ]);
  assertEquals(namesIn(temp.path), ["beside", "out"]);
});

Deno.test({
  name: "deleting removes links and not what they lead to",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    await temp.write("outside/kept", "kept");
    await Deno.mkdir(temp.at("out"));
    await Deno.symlink(temp.at("outside"), temp.at("out/link"));
    await writeTree(temp.at("out"), [folderOf("")], { delete: true });

    assertEquals(namesIn(temp.at("outside")), ["kept"]);
    assertEquals(namesIn(temp.at("out")), []);
  },
});

Deno.test("a replaced or deleted file stays as NAME~ if a backup is asked for", async () => {
  await using temp = await TempFolder.make();
  await temp.write("out/a", "old a");
  await temp.write("out/b", "old b");
  await writeTree(temp.at("out"), [folderOf(""), fileOf("a", "new a")], {
    contents: { a: "new a" },
    backup: true,
    delete: true,
  });
  const read = (name: string) => Deno.readTextFile(temp.at("out", name));

  assertEquals(namesIn(temp.at("out")), ["a", "a~", "b~"]);
  assertEquals(
    [await read("a"), await read("a~"), await read("b~")],
    ["new a", "old a", "old b"],
  );
});

Deno.test("entries go into a folder beside what is there", async () => {
  await using temp = await TempFolder.make();
  await temp.write("out/kept", "kept");
  const entries = [fileOf("a", "x"), folderOf("d"), fileOf("d/b", "y")];
  await writeTree(temp.at("out"), entries, {
    isInto: true,
    delete: true,
    contents: { a: "x", "d/b": "y" },
  });

  assertEquals(namesIn(temp.at("out")), ["a", "d", "kept"]);
});

Deno.test("content that is not that of the list leaves the old file, and no other", async () => {
  await using temp = await TempFolder.make();
  await temp.write("out/f", "old");
  const tree = [folderOf(""), fileOf("f", "right")];
  for (const f of ["wrong", "righ", "right and more"]) {
    await assertRejects(
      () => writeTree(temp.at("out"), tree, { contents: { f } }),
      PiriError,
      "its content is not the one of the list",
    );
  }

  assertEquals(namesIn(temp.at("out")), ["f"]);
  assertEquals(await Deno.readTextFile(temp.at("out/f")), "old");
});

Deno.test("a large file that was cut goes on from its last byte, and a small one begins anew", async () => {
  await using temp = await TempFolder.make();
  const large = "0123456789abcdef".repeat(2 * MEGABYTE / 16);
  const tree = [folderOf(""), fileOf("large", large), fileOf("small", "abc")];
  const cut = { large: large.slice(0, MEGABYTE), small: "abc" };
  using base = HostFolder.open(temp.path);
  const { TreeWriter } = await import("../../lib/files/tree_writer.ts");
  const options = { rootName: "out", signal: new AbortController().signal };
  const writer = new TreeWriter(base, tree, options);
  const [file] = await writer.plan();
  assert(file !== undefined);
  const broken = (async function* () {
    yield new TextEncoder().encode(cut.large);
    await Promise.reject(new PiriError("UNAVAILABLE", "Cannot: gone"));
  })();
  await assertRejects(() => writer.write(file, broken), PiriError, "gone");
  assertEquals(writer.partOf(file), MEGABYTE);
  await writeTree(temp.at("out"), tree, {
    contents: { large, small: "abc" },
  });

  assertEquals(await Deno.readTextFile(temp.at("out/large")), large);
  assertEquals(namesIn(temp.at("out")), ["large", "small"]);
});

Deno.test({
  name: "a part that others could have made is not trusted",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    const file = fileOf("f", "right");
    const part = temp.at("out", temporaryOf(file));
    await Deno.mkdir(temp.at("out"));
    await Deno.writeTextFile(part, "wron", { mode: 0o666 });
    await Deno.chmod(part, 0o666);
    await writeTree(temp.at("out"), [folderOf(""), file], {
      contents: { f: "right" },
    });

    assertEquals(await Deno.readTextFile(temp.at("out/f")), "right");
  },
});

Deno.test({
  name: "zeros become holes, also at the end",
  ignore: !linux,
  async fn() {
    await using temp = await TempFolder.make();
    const zeros = "\0".repeat(4 * MEGABYTE);
    for (const content of [`a${zeros}`, `a${zeros}b`, zeros]) {
      const path = temp.at(`f${content.length}${content.at(-1) === "b"}`);
      await writeTree(path, [fileOf("", content)], {
        contents: { "": content },
      });
      const { blocks, size } = await Deno.stat(path);
      assertEquals(size, content.length);
      assert((blocks ?? 0) * 512 < MEGABYTE, `${blocks} blocks`);
      assertEquals(await Deno.readTextFile(path), content);
    }
  },
});

Deno.test({
  name:
    "modes are those of the list, one mode for all files, or without special bits",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    const tree = [folderOf("", 0o2750), fileOf("f", "", 0o4755)];
    const modes = async (options: Parameters<typeof writeTree>[2]) => {
      await writeTree(temp.at("out"), tree, options);
      return ["out", "out/f"].map((name) =>
        (factsAt(temp.at(name))?.mode ?? 0).toString(8)
      );
    };

    assertEquals(await modes({}), ["2750", "4755"]);
    assertEquals(await modes({ fileMode: 0o600 }), ["2750", "600"]);
    assertEquals(await modes({ modeMask: 0o777 }), ["750", "755"]);
  },
});

Deno.test("a cancel stops writing", async () => {
  await using temp = await TempFolder.make();
  const stop = new AbortController();
  stop.abort();
  const error = await assertRejects(
    () => writeTree(temp.at("out"), TREE, { signal: stop.signal }),
    PiriError,
  );

  assertEquals(error.code, "CANCELLED");
});
