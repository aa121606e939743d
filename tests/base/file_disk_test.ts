import { assert, assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { openFileDisk } from "../../lib/base/file_disk.ts";
import { ownerTest, STRANGER } from "../support/other_owner.ts";
import { TempFolder } from "../support/temp_folder.ts";

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

Deno.test("appended bytes are read back from any offset, up to the end of the file", async () => {
  await using folder = await TempFolder.make();
  await using disk = await openFileDisk(folder.at("journal"));
  await disk.append("a", bytesOf("hello "));
  await disk.append("a", bytesOf("world"));
  await disk.sync("a");
  assertEquals(await disk.size("a"), 11);
  assertEquals(await disk.read("a", 4, 4), bytesOf("o wo"));
  assertEquals(await disk.read("a", 9, 100), bytesOf("ld"));
  assertEquals(await disk.read("a", 50, 100), bytesOf(""));
});

Deno.test("calls that are not awaited keep their order", async () => {
  await using folder = await TempFolder.make();
  await using disk = await openFileDisk(folder.path);
  const reads: Promise<Uint8Array>[] = [];
  const parts = Array.from({ length: 50 }, (_, i) => `${i};`);
  for (const part of parts) {
    void disk.append("a", bytesOf(part));
    reads.push(disk.read("a", 0, 10_000));
  }
  for (const [i, read] of (await Promise.all(reads)).entries()) {
    assertEquals(read, bytesOf(parts.slice(0, i + 1).join("")));
  }
});

Deno.test("a missing file is empty, and may be removed", async () => {
  await using folder = await TempFolder.make();
  await using disk = await openFileDisk(folder.path);
  assertEquals(await disk.size("a"), 0);
  assertEquals(await disk.read("a", 0, 10), bytesOf(""));
  await disk.remove("a");
  assertEquals(await disk.list(), []);
});

Deno.test("files are replaced, cut and removed, and can be appended to afterwards", async () => {
  await using folder = await TempFolder.make();
  await using disk = await openFileDisk(folder.path);
  await disk.append("a", bytesOf("old"));
  await disk.replace("a", bytesOf("brand new"));
  await disk.append("a", bytesOf("!"));
  assertEquals(await disk.read("a", 0, 99), bytesOf("brand new!"));
  await disk.truncate("a", 5);
  await disk.append("a", bytesOf("y"));
  assertEquals(await disk.read("a", 0, 99), bytesOf("brandy"));
  await disk.remove("a");
  await disk.append("a", bytesOf("again"));
  assertEquals(await disk.read("a", 0, 99), bytesOf("again"));
  assertEquals(await disk.list(), ["a"]);
});

Deno.test("leftovers of a crash in mid replace are not listed, and are removed", async () => {
  await using folder = await TempFolder.make();
  await folder.write("log.abc.tmp", "half");
  await folder.write("log", "whole");
  await using disk = await openFileDisk(folder.path);
  assertEquals(await disk.list(), ["log"]);
  await assertRejects(() => Deno.stat(folder.at("log.abc.tmp")));
});

Deno.test("a second opener is refused at once, and accepted once the first has closed", async () => {
  await using folder = await TempFolder.make();
  const first = await openFileDisk(folder.path);
  const error = await assertRejects(
    () => openFileDisk(folder.path),
    PiriError,
    "another piri-agent runs with this folder",
  );
  assertEquals(error.code, "FAILED_PRECONDITION");
  await first[Symbol.asyncDispose]();
  await using second = await openFileDisk(folder.path);
  assertEquals(await second.list(), []);
});

Deno.test("more files than may be open at a time are all written and read", async () => {
  await using folder = await TempFolder.make();
  await using disk = await openFileDisk(folder.path);
  const names = Array.from({ length: 200 }, (_, i) => `file${i}`);
  await Promise.all(names.map((name) => disk.append(name, bytesOf(name))));
  await Promise.all(names.map((name) => disk.append(name, bytesOf("+"))));
  for (const name of names) {
    assertEquals(await disk.read(name, 0, 99), bytesOf(`${name}+`));
  }
});

Deno.test("errors of the system become DISK", async () => {
  await using folder = await TempFolder.make();
  await Deno.mkdir(folder.at("a"));
  await using disk = await openFileDisk(folder.path);
  for (
    const attempt of [
      () => disk.append("a", bytesOf("x")),
      () => disk.replace("a", bytesOf("x")),
      () => disk.truncate("none", 5),
      () => disk.sync("none"),
      () => openFileDisk(folder.at("lock")),
    ]
  ) {
    const error = await assertRejects(attempt, PiriError);
    assertEquals(error.code, "DISK");
  }
});

Deno.test("a closed disk finishes the calls from before, and refuses later ones", async () => {
  await using folder = await TempFolder.make();
  const disk = await openFileDisk(folder.path);
  const append = disk.append("a", bytesOf("in time"));
  await disk[Symbol.asyncDispose]();
  await append;
  const error = await assertRejects(
    () => disk.append("a", bytesOf("late")),
    PiriError,
  );
  assertEquals(error.code, "DISK");
  assertEquals(await Deno.readTextFile(folder.at("a")), "in time");
});

Deno.test({
  name: "other users can read neither the folder nor its files",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TempFolder.make();
    await using disk = await openFileDisk(folder.at("journal"));
    await disk.append("a", bytesOf("x"));
    await disk.replace("b", bytesOf("x"));
    for (const name of [".", "a", "b", "lock"]) {
      const { mode } = await Deno.stat(folder.at("journal", name));
      assert(mode !== null);
      assertEquals(mode & 0o077, 0, name);
    }
  },
});

Deno.test({
  name:
    "others lose their rights to a folder that is opened and to its files, whose content stays",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TempFolder.make();
    await folder.write("a", "kept");
    await folder.write("b", "kept");
    await Deno.chmod(folder.at("a"), 0o644);
    await Deno.chmod(folder.at("b"), 0o666);
    await Deno.chmod(folder.path, 0o777);
    await using disk = await openFileDisk(folder.path);
    const modes = [".", "a", "b"].map((name) =>
      (Deno.statSync(folder.at(name)).mode ?? 0) & 0o777
    );
    assertEquals(modes, [0o700, 0o600, 0o600]);
    assertEquals(await disk.read("a", 0, 9), bytesOf("kept"));
  },
});

ownerTest(
  "a file of another user in the folder is refused, and the folder is free again",
  async () => {
    await using folder = await TempFolder.make();
    const path = await folder.write("a", "planted");
    await Deno.chown(path, STRANGER, STRANGER);
    const error = await assertRejects(
      () => openFileDisk(folder.path),
      PiriError,
      `Cannot use "${path}": it belongs to uid ${STRANGER}`,
    );
    assertEquals(error.code, "DENIED");
    await Deno.chown(path, 0, 0);
    await using _disk = await openFileDisk(folder.path);
  },
);
