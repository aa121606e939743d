import { assertEquals } from "@std/assert";
import { byteCalls } from "../../lib/files/byte_calls.ts";
import { isAtOrBelow, ownObstacle } from "../../lib/operations/own_obstacle.ts";
import { TempFolder } from "../support/temp_folder.ts";

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

const ignore = Deno.build.os === "windows";

/** True if a path of the folder belongs to the agent, whose folder is "own" in it. */
function isOwn(folder: TempFolder, path: string, own = "own"): boolean {
  const files = { folder: folder.at(own), files: [] };
  return ownObstacle(files, "read", folder.at(path)) !== undefined;
}

Deno.test({
  name: "the agent's folder is told from all that is beside, above and like it",
  ignore,
  async fn() {
    await using folder = await TempFolder.make();
    await folder.write("own/key", "key");
    await folder.write("own/below/file", "file");
    await folder.write("owner/file", "file");
    await folder.write("Own/file", "file");
    await folder.write("öwn/file", "file");

    for (const path of ["own", "own/key", "own/below/file", "own/missing"]) {
      assertEquals(isOwn(folder, path), true, path);
    }
    for (
      const path of [
        "",
        "owner",
        "owner/file",
        "Own/file",
        "öwn/file",
        "missing",
        "missing/file",
      ]
    ) {
      assertEquals(isOwn(folder, path), false, path);
    }
    assertEquals(isOwn(folder, "öwn/file", "öwn"), true);
    assertEquals(isOwn(folder, "own/key", "gone"), false);
  },
});

Deno.test({
  name:
    "a link to the agent's folder, and another name of a file in it, are its own",
  ignore,
  async fn() {
    await using folder = await TempFolder.make();
    await folder.write("own/key", "key");
    await folder.write("twice", "twice");
    await Deno.symlink(folder.at("own"), folder.at("link"));
    await Deno.symlink(folder.at("twice"), folder.at("other"));
    await Deno.link(folder.at("own/key"), folder.at("hard"));
    await Deno.link(folder.at("twice"), folder.at("again"));

    assertEquals(
      ["link", "link/key", "hard", "other", "again"]
        .map((path) => isOwn(folder, path)),
      [true, true, true, false, false],
    );
  },
});

const canMount = Deno.build.os === "linux" && await mounts();

Deno.test({
  name:
    `the agent's folder under another name, by a mount, is its own (as root on Linux: ${canMount})`,
  ignore: !canMount,
  async fn() {
    await using folder = await TempFolder.make();
    await folder.write("own/below/key", "key");
    await Deno.mkdir(folder.at("whole"));
    await Deno.mkdir(folder.at("part"));
    await Deno.mkdir(folder.at("around/other"), { recursive: true });
    const shown = await inOwnMounts([
      ["--bind", folder.at("own"), folder.at("whole")],
      ["--bind", folder.at("own/below"), folder.at("part")],
      ["--bind", folder.path, folder.at("around")],
    ], folder);

    assertEquals(shown, {
      whole: true,
      "whole/below/key": true,
      "whole/missing": true,
      // Only the folder itself is known by its number.
      part: false,
      around: false,
      "around/own": true,
      "around/own/below/key": true,
      "around/part": false,
    });
  },
});

async function mounts(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["--mount", "true"],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** Judges paths in a process with mounts of its own, which go with it. */
async function inOwnMounts(
  mounts: readonly (readonly string[])[],
  folder: TempFolder,
): Promise<Record<string, boolean>> {
  const paths = [
    "whole",
    "whole/below/key",
    "whole/missing",
    "part",
    "around",
    "around/own",
    "around/own/below/key",
    "around/part",
  ];
  const module = new URL(
    "../../lib/operations/own_obstacle.ts",
    import.meta.url,
  );
  const judge =
    `import { ownObstacle } from "${module}"; const own = { folder: "${
      folder.at("own")
    }", files: [] }; console.log(JSON.stringify(Object.fromEntries(${
      JSON.stringify(paths)
    }.map((path) => [path, ownObstacle(own, "read", "${folder.path}/" + path) !== undefined]))));`;
  const deno = [Deno.execPath(), "eval", "--no-check", judge];
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      "--mount",
      "sh",
      "-ec",
      'while [ "$1" != -- ]; do mount "$1" "$2" "$3"; shift 3; done; shift; exec "$@"',
      "sh",
      ...mounts.flat(),
      "--",
      ...deno,
    ],
    cwd: new URL("../..", import.meta.url),
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a path is at or below a folder by whole names", () => {
  const below = (path: string) => isAtOrBelow(path, "/a/b");
  assertEquals(
    ["/a/b", "/a/b/c", "/a/bc", "/a", "/"].map(below),
    [true, true, false, false, false],
  );
  assertEquals(isAtOrBelow("/anything", "/"), true);
});
