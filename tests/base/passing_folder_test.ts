import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { makePassingFolder } from "../../lib/base/passing_folder.ts";
import { countingRandom } from "../support/counting_random.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Names in a folder. */
function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name);
}

Deno.test("a passing folder goes with all that is in it, and its removal may be repeated", async () => {
  await using place = await TempFolder.make();
  const folder = await makePassingFolder(place.path, countingRandom());
  await Deno.mkdir(`${folder.path}/deep`);
  await Deno.writeTextFile(`${folder.path}/deep/file`, "text");

  assertMatch(namesIn(place.path).join(), /^piri-brief-[0-9a-f]{12}$/);
  folder.remove();
  folder.remove();
  assertEquals(namesIn(place.path), []);
});

Deno.test({
  name: "a passing folder can be entered by its user only",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using place = await TempFolder.make();
    const { path } = await makePassingFolder(place.path, countingRandom());

    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o700);
  },
});

Deno.test("a folder that somebody else has put at the path of a passing folder is not taken", async () => {
  await using place = await TempFolder.make();
  const first = await makePassingFolder(place.path, countingRandom());
  await Deno.writeTextFile(`${first.path}/file`, "theirs");

  await assertRejects(
    () => makePassingFolder(place.path, countingRandom()),
    PiriError,
    `Cannot make the folder "${first.path}"`,
  );
  assertEquals(namesIn(first.path), ["file"]);
});
