import { assertEquals, assertThrows } from "@std/assert";
import { HostFolder, pins } from "../../lib/files/host_files.ts";
import { openFolderToWrite } from "../../lib/files/folder_to_write.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Asked before the tests, as it opens the C library once for all. */
const ignore = !pins();

/** Folder with `real/inner`, a link to `real`, and a file. Its own path has no link. */
async function linkedFolders(): Promise<TempFolder> {
  const temp = await TempFolder.make();
  await Deno.mkdir(temp.at("real/inner"), { recursive: true });
  await Deno.symlink("real", temp.at("link"));
  await Deno.writeTextFile(temp.at("file"), "");
  return temp;
}

Deno.test({
  name: "a folder is opened at once only if no part of its path is a link",
  ignore,
  async fn() {
    await using temp = await linkedFolders();
    const { path: root } = temp;
    await Deno.symlink("inner", `${root}/real/last`);
    const opened = (path: string) => {
      using folder = HostFolder.openWithoutLinks(`${root}/${path}`);
      return folder?.real;
    };

    assertEquals(opened("real/inner"), `${root}/real/inner`);
    assertEquals(
      ["link", "link/inner", "real/last", "file", "missing"].map(opened),
      Array(5).fill(undefined),
    );
  },
});

Deno.test({
  name:
    "a path with links is opened to write where they lead, and an error is the system's",
  ignore,
  async fn() {
    await using temp = await linkedFolders();
    const { path: root } = temp;
    const opened = (path: string) => {
      using folder = openFolderToWrite(`${root}/${path}`);
      return folder.real;
    };

    assertEquals(opened("real/inner"), `${root}/real/inner`);
    assertEquals(opened("link/inner"), `${root}/real/inner`);
    assertThrows(() => opened("missing"), Deno.errors.NotFound);
    assertThrows(() => opened("file"), Deno.errors.NotADirectory);
  },
});

Deno.test({
  name: "an opened folder stays the same one when a link takes its name",
  ignore,
  async fn() {
    await using temp = await TempFolder.make();
    const root = await Deno.realPath(temp.path);
    await Deno.mkdir(`${root}/own`);
    await Deno.mkdir(`${root}/other`);
    using folder = openFolderToWrite(`${root}/own`);
    await Deno.rename(`${root}/own`, `${root}/moved`);
    await Deno.symlink("other", `${root}/own`);

    assertEquals(folder.real, `${root}/moved`);
  },
});
