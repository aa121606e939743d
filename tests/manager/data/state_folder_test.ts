import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { sha256 as hashOf } from "../../../lib/base/sha256.ts";
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

Deno.test("a folder is taken whole from the first layer that has it, with the hashes of its files", async () => {
  await using folder = await folderOf({
    "files/all/site/a": "all",
    "files/all/site/b": "all",
    "files/groups/web/site/css/c": "web",
    "files/all/plain": "a file",
  });
  const reader = new StateFolder(folder.path);
  const seen = async (groups: readonly string[], name: string) => {
    const files = await reader.folder({ id: "web-1", groups }, name);
    return files?.map(({ path, file }) => [path, file.path]);
  };
  const [first] = await reader.folder({ id: "a", groups: ["web"] }, "site") ??
    [];

  assertEquals(await seen(["web"], "site"), [
    ["css/c", "files/groups/web/site/css/c"],
  ]);
  assertEquals(await seen([], "site"), [
    ["a", "files/all/site/a"],
    ["b", "files/all/site/b"],
  ]);
  assertEquals([await seen([], "plain"), await seen([], "none")], [
    undefined,
    undefined,
  ]);
  const { sha256, size } = await first?.file.digest() ?? {};
  assertEquals([sha256, size], [
    encodeHex(hashOf("web")),
    3,
  ]);
});

Deno.test(
  "places of one agent alone are its states and its operations, and links to some",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using folder = await folderOf({
      "states/all.yaml": "all",
      "states/agents/web-1.yaml": "own",
      "states/agents/web-2/base.yaml": "base",
      "operations/agents/web-3/nginx.ts": "",
    });
    await Deno.symlink(
      "../all.yaml",
      folder.at("states", "agents", "web-4.yaml"),
    );
    const reader = new StateFolder(folder.path);

    assertEquals(await reader.placesOf("web-1"), ["states/agents/web-1.yaml"]);
    assertEquals(await reader.placesOf("web-2"), ["states/agents/web-2"]);
    assertEquals(await reader.placesOf("web-3"), ["operations/agents/web-3"]);
    assertEquals(await reader.placesOf("web-4"), ["states/agents/web-4.yaml"]);
    assertEquals(await reader.placesOf("web-5"), []);
  },
);
