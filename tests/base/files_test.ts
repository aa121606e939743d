import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { readPrivateFile, writeFileAtomically } from "../../lib/base/files.ts";
import { ownerTest, STRANGER } from "../support/other_owner.ts";
import { TempFolder } from "../support/temp_folder.ts";

const windows = Deno.build.os === "windows";

async function namesIn(folder: TempFolder): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder.path));
  return entries.map(({ name }) => name).sort();
}

Deno.test("writeFileAtomically replaces the old content and leaves no other file", async () => {
  await using folder = await TempFolder.make();
  const path = await folder.write("a", "a longer text than the new one");
  await writeFileAtomically(path, "new");
  assertEquals(await Deno.readTextFile(path), "new");
  assertEquals(await namesIn(folder), ["a"]);
});

Deno.test("a file that is not there is NOT_FOUND, and named", async () => {
  await using folder = await TempFolder.make();
  const error = await assertRejects(
    () => readPrivateFile(folder.at("a")),
    PiriError,
  );
  assertEquals(
    [error.code, error.message],
    ["NOT_FOUND", `Cannot read "${folder.at("a")}": no such file`],
  );
});

Deno.test("writeFileAtomically that fails keeps the old content and leaves no other file", async () => {
  await using folder = await TempFolder.make();
  await folder.write("a/inner", "old");
  await assertRejects(
    () => writeFileAtomically(folder.at("a"), "new"),
    PiriError,
    `Cannot write "${folder.at("a")}": `,
  );
  assertEquals(await namesIn(folder), ["a"]);
  assertEquals(await Deno.readTextFile(folder.at("a", "inner")), "old");
});

Deno.test({
  name: "writeFileAtomically sets the given mode, or else the private one",
  ignore: windows,
  fn: async () => {
    await using folder = await TempFolder.make();
    await writeFileAtomically(folder.at("a"), "");
    await writeFileAtomically(folder.at("b"), "", { mode: 0o666 });
    const modes = ["a", "b"].map((name) => Deno.statSync(folder.at(name)).mode);
    assertEquals(modes.map((mode) => (mode ?? 0) & 0o777), [0o600, 0o666]);
  },
});

Deno.test({
  name:
    "readPrivateFile refuses a file that others may read, and says how to fix it",
  ignore: windows,
  fn: async () => {
    await using folder = await TempFolder.make();
    const path = await folder.write("key", "secret");
    for (const mode of [0o640, 0o604, 0o620]) {
      await Deno.chmod(path, mode);
      const error = await assertRejects(() => readPrivateFile(path), PiriError);
      assertEquals(error.code, "DENIED");
      assertEquals(error.message.endsWith(`run chmod 600 ${path}`), true);
    }
    await Deno.chmod(path, 0o600);
    assertEquals(await readPrivateFile(path), "secret");
  },
});

Deno.test("readPrivateFile reports a missing file", async () => {
  await using folder = await TempFolder.make();
  const error = await assertRejects(
    () => readPrivateFile(folder.at("none")),
    PiriError,
  );
  assertEquals(error.code, "NOT_FOUND");
});

ownerTest(
  "readPrivateFile refuses a file of another user, and not one of its folder's owner",
  async () => {
    await using folder = await TempFolder.make();
    const path = await folder.write("key", "secret");
    await Deno.chmod(path, 0o600);
    await Deno.chown(path, STRANGER, STRANGER);
    const error = await assertRejects(() => readPrivateFile(path), PiriError);
    assertEquals(
      `${error.code} ${error.message}`,
      `DENIED Cannot use "${path}": it belongs to uid ${STRANGER}, who can change it; look at what is in it, and run chown 0 ${path}`,
    );
    await Deno.chown(folder.path, STRANGER, STRANGER);
    assertEquals(await readPrivateFile(path), "secret");
  },
);
