import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { TempFolder } from "../support/temp_folder.ts";

const PROGRAM = fromFileUrl(
  new URL("./unprivileged_fetch_program.ts", import.meta.url),
);

const canDropRights = Deno.build.os === "linux" && Deno.uid() === 0;

Deno.test({
  name:
    "each refusal of file.Fetch without root's rights names what is not permitted (needs root)",
  ignore: !canDropRights,
  fn: async () => {
    await using folder = await TempFolder.make();
    await Deno.chmod(folder.path, 0o755);
    const mine = await open(folder, "mine");
    const ofRoot = await folder.write("root/file", "new");
    await Deno.chmod(ofRoot, 0o600);
    const kept = await folder.write("mine/kept", "old");
    const same = await folder.write("mine/same", "new");
    const path = `${mine}/target`;

    const messages = await fetchUnprivileged([
      { path },
      { path, mode: "0640" },
      { path: `${mine}/other`, user: "root" },
      { path, user: "root", group: "daemon" },
      { path: kept },
      { path: same, mode: "0640" },
      { path: folder.at("root", "new") },
      { path: folder.at("root", "sub", "new"), parents: true },
    ]);

    const notRoot =
      "and the agent does not run as root, so it cannot change an owner";
    const names = [...Deno.readDirSync(mine)].map(({ name }) => name);
    assertEquals(messages, [
      `wrote ${path} (3 bytes)`,
      `set the mode of ${path} to 0640`,
      `Cannot write "${mine}/other": it should belong to user "root", ${notRoot}`,
      `Cannot write "${path}": it should belong to user "root" and group "daemon", ${notRoot}`,
      `Cannot write "${kept}": it belongs to user 0 and group 0, ${notRoot}`,
      `Cannot write "${same}": only root and its owner can change its mode, and the agent's user is neither`,
      `Cannot write "${
        folder.at("root", "new")
      }": the agent's user may not write in "${folder.at("root")}"`,
      `Cannot write "${
        folder.at("root", "sub", "new")
      }": the agent's user may not make its folder`,
    ]);
    assertEquals(names.sort(), ["kept", "same", "target"]);
  },
});

/** Makes a folder that everybody may write in. */
async function open(folder: TempFolder, name: string): Promise<string> {
  const path = folder.at(name);
  await Deno.mkdir(path);
  await Deno.chmod(path, 0o777);
  return path;
}

async function fetchUnprivileged(
  params: readonly Record<string, unknown>[],
): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", PROGRAM],
      ...params.map((each) => JSON.stringify({ source: "a", ...each })),
    ],
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}
