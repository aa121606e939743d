import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { systemOutFiles } from "../../lib/cli/out_files.ts";
import { tempFolder } from "../support/control.ts";

Deno.test("makeFolder tells which folders were not there, and removeEmpty takes them away again", async () => {
  await using folder = await tempFolder();
  const [a, b] = [join(folder.path, "a"), join(folder.path, "a", "b")];
  const made = await systemOutFiles.makeFolder(b);
  const again = await systemOutFiles.makeFolder(b);
  for (const path of made.toReversed()) await systemOutFiles.removeEmpty(path);

  assertEquals([made, again], [[a, b], []]);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("makeFolder refuses a folder that has something", async () => {
  await using folder = await tempFolder();
  await Deno.writeTextFile(join(folder.path, "x"), "x");

  await assertRejects(
    () => systemOutFiles.makeFolder(folder.path),
    PiriError,
    'it is not empty, it has "x"',
  );
});

Deno.test("makeFile keeps the content of a file that is there", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "a.xml");
  await Deno.writeTextFile(path, "earlier");

  assertEquals(await systemOutFiles.makeFile(path), []);
  assertEquals(await Deno.readTextFile(path), "earlier");
});

Deno.test("makeFile makes an empty file, and refuses one that cannot be", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "a.xml");

  assertEquals(await systemOutFiles.makeFile(path), [path]);
  assertEquals(await Deno.readTextFile(path), "");
  await assertRejects(
    () => systemOutFiles.makeFile(join(folder.path, "no", "a.xml")),
    PiriError,
    "there is no such folder",
  );
});

Deno.test("removeEmpty leaves what has content", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "a.xml");
  await systemOutFiles.write(path, "x");
  await systemOutFiles.removeEmpty(path);
  await systemOutFiles.removeEmpty(folder.path);
  await systemOutFiles.removeEmpty(join(folder.path, "no"));

  assertEquals(await Deno.readTextFile(path), "x");
});
