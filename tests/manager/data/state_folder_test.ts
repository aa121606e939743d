import { assertEquals } from "@std/assert";
import { StateFolder } from "../../../lib/manager/data/state_folder.ts";
import { TempFolder } from "../../support/temp_folder.ts";

async function folderOf(
  files: Readonly<Record<string, string>>,
): Promise<TempFolder> {
  const folder = await TempFolder.make();
  for (const [name, text] of Object.entries(files)) {
    await folder.write(name, text);
  }
  return folder;
}

Deno.test("states and files are found in their layers, and list has the states only", async () => {
  await using folder = await folderOf({
    "states/all.yaml": "all",
    "states/groups/web/base/time.yaml": "time",
    "states/notes.txt": "",
    "files/all/a": "all",
    "files/groups/web/a": "web",
    "files/groups/edge/a": "edge",
  });
  const reader = new StateFolder(folder.path);
  const textOf = async (groups: readonly string[]) => {
    const file = await reader.find({ id: "web-1", groups }, "a");
    return [file?.path, new TextDecoder().decode(await file?.load())];
  };

  assertEquals(await reader.list(), [
    "states/all.yaml",
    "states/groups/web/base/time.yaml",
  ]);
  assertEquals(await textOf([]), ["files/all/a", "all"]);
  assertEquals(await textOf(["web", "edge"]), ["files/groups/edge/a", "edge"]);
  assertEquals(await reader.open("states/none.yaml"), undefined);
  assertEquals(await reader.open("states/groups"), undefined);
});

Deno.test("a folder without states has none, and a changed file has another stamp", async () => {
  await using folder = await folderOf({});
  const reader = new StateFolder(folder.path);
  assertEquals(await reader.list(), []);
  await folder.write("states/all.yaml", "one");
  const first = await reader.open("states/all.yaml");
  await folder.write("states/all.yaml", "other");
  const second = await reader.open("states/all.yaml");

  assertEquals(first?.stamp === second?.stamp, false);
});

Deno.test("a link that leads out of its folder is no file of a state", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await folderOf({ "ca.key": "key", "files/all/a": "a" });
  await Deno.symlink(folder.at("ca.key"), folder.at("files", "all", "key"));
  const reader = new StateFolder(folder.path);

  assertEquals(
    await reader.find({ id: "web-1", groups: [] }, "key"),
    undefined,
  );
});
