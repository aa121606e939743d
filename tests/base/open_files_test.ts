import { assertEquals } from "@std/assert";
import { closeFile, OpenFiles } from "../../lib/base/open_files.ts";
import { TempFolder } from "../support/temp_folder.ts";

Deno.test("the least recently used file is closed first, and a used one never", async () => {
  await using folder = await TempFolder.make();
  const files = new OpenFiles(2);
  const opened: string[] = [];
  const use = (name: string, meanwhile = () => Promise.resolve()) =>
    files.use(name, async (open) => {
      if (open.file === undefined) opened.push(name);
      open.file ??= await Deno.open(folder.at(name), {
        create: true,
        write: true,
      });
      await meanwhile();
    });

  await use("a");
  await use("b");
  await use("a");
  await use("c");
  await use("a");
  await use("b");
  assertEquals(opened, ["a", "b", "c", "b"]);
  await use("b", async () => {
    await use("c");
    await use("a");
  });
  await use("b");
  assertEquals(opened, ["a", "b", "c", "b", "c", "a"]);
  await files.close();
});

Deno.test("calls of one file take turns, and close waits for them", async () => {
  const files = new OpenFiles(2);
  const calls: string[] = [];
  const use = (name: string) =>
    files.use("a", async (open) => {
      calls.push(`${name} begins`);
      await Promise.resolve();
      calls.push(`${name} ends`);
      closeFile(open);
    });

  const both = Promise.all([use("first"), use("second")]);
  await files.close();
  calls.push("closed");
  await both;
  assertEquals(calls, [
    "first begins",
    "first ends",
    "second begins",
    "second ends",
    "closed",
  ]);
});
