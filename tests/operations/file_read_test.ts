import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { parseTree } from "../../lib/files/tree.ts";
import { fileList } from "../../lib/operations/file_list.ts";
import { fileRead } from "../../lib/operations/file_read.ts";
import { fileStat } from "../../lib/operations/file_stat.ts";
import { floodBytes } from "../support/program.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { outline, sha256Of } from "../files/support.ts";
import { finish, newContext, textOf } from "./support.ts";

const posix = Deno.build.os !== "windows";
const linux = Deno.build.os === "linux";

Deno.test("parts of files are printed byte for byte, one after the other", async () => {
  await using temp = await TempFolder.make();
  const bytes = floodBytes(200_000);
  await temp.write("d/big", bytes);
  await temp.write("d/sub/small", "0123456789");
  const { stdout, outcome } = await finish(fileRead.run({
    path: temp.at("d"),
    parts: [
      { name: "sub/small", offset: 2, length: 3 },
      { name: "big", offset: 1, length: 199_999 },
      { name: "sub/small", offset: 0, length: 0 },
    ],
  }, newContext()));

  assertEquals(textOf(stdout.subarray(0, 3)), "234");
  assertEquals(sha256Of(stdout.subarray(3)), sha256Of(bytes.subarray(1)));
  assertEquals(outcome.data, { bytes: 200_002 });
});

Deno.test("a file is read by its own path, too", async () => {
  await using temp = await TempFolder.make();
  const path = await temp.write("f", "content");
  const parts = [{ name: "", offset: 3, length: 4 }];
  const { stdout } = await finish(fileRead.run({ path, parts }, newContext()));

  assertEquals(textOf(stdout), "tent");
});

Deno.test({
  name: "a link on the way to a file, or in its place, is not followed",
  ignore: !linux,
  async fn() {
    await using temp = await TempFolder.make();
    await temp.write("outside/secret", "secret");
    await Deno.mkdir(temp.at("d"));
    await Deno.symlink("../outside", temp.at("d/way"));
    await Deno.symlink("../outside/secret", temp.at("d/file"));
    await new Deno.Command("mkfifo", { args: [temp.at("d/pipe")] }).output();
    for (const name of ["way/secret", "file", "pipe", ".", "../d"]) {
      const parts = [{ name, offset: 0, length: 6 }];
      await assertRejects(
        () => finish(fileRead.run({ path: temp.at("d"), parts }, newContext())),
        PiriError,
        "Cannot read",
      );
    }
  },
});

Deno.test("a file that is shorter than asked for is an error", async () => {
  await using temp = await TempFolder.make();
  const path = await temp.write("f", "short");
  const parts = [{ name: "", offset: 0, length: 6 }];
  await assertRejects(
    () => finish(fileRead.run({ path, parts }, newContext())),
    PiriError,
    "it became shorter meanwhile",
  );
});

Deno.test({
  name:
    "a folder is listed with all that is in it, and a pipe is left out and named",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    await temp.write("d/a", "one");
    await Deno.mkdir(temp.at("d/sub"));
    await Deno.symlink("a", temp.at("d/sub/link"));
    await new Deno.Command("mkfifo", { args: [temp.at("d/pipe")] }).output();
    const { stdout, outcome } = await finish(
      fileList.run({ path: temp.at("d") }, newContext()),
    );
    const entries = parseTree(textOf(stdout));

    assertEquals(outline(entries), [
      ". folder",
      "a file",
      "sub folder",
      "sub/link -> a",
    ]);
    const [, file] = entries;
    assertEquals(file?.kind === "file" && file.sha256, sha256Of("one"));
    assertEquals(
      outcome.message,
      `left out 1 devices, pipes and sockets: ${temp.at("d/pipe")}`,
    );
  },
});

Deno.test({
  name:
    "a link is listed as one, and with a slash at its end as what it leads to",
  ignore: !posix,
  async fn() {
    await using temp = await TempFolder.make();
    await temp.write("d/a", "one");
    await Deno.symlink("d", temp.at("link"));
    const listed = async (path: string) => {
      const { stdout } = await finish(fileList.run({ path }, newContext()));
      return outline(parseTree(textOf(stdout)));
    };

    assertEquals(await listed(temp.at("link")), [". -> d"]);
    assertEquals(await listed(`${temp.at("link")}/`), [". folder", "a file"]);
  },
});

Deno.test("the facts about one file are a line of JSON", async () => {
  await using temp = await TempFolder.make();
  const path = await temp.write("f", "content");
  const { stdout } = await finish(fileStat.run({ path }, newContext()));
  const { kind, size, sha256 } = JSON.parse(textOf(stdout));

  assertEquals([kind, size, sha256], ["file", 7, sha256Of("content")]);
});

for (const operation of [fileList, fileStat]) {
  Deno.test(`${operation.name} names a path that is not there, or not absolute`, async () => {
    await using temp = await TempFolder.make();
    const run = (path: string) => finish(operation.run({ path }, newContext()));

    await assertRejects(
      () => run(temp.at("nosuch")),
      PiriError,
      `Cannot read "${temp.at("nosuch")}": there is no such file or folder`,
    );
    await assertRejects(() => run("f"), PiriError, "not an absolute path");
  });
}
