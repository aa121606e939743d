import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/build/build.ts";
import { LiveProgram } from "../support/live_program.ts";
import { NEEDS_PROC } from "../support/story.ts";
import { program } from "../support/program.ts";
import { TempFolder } from "../support/temp_folder.ts";

const ignore = NEEDS_PROC !== undefined;

/** Report of the check on a run that had this temporary folder. */
async function check(folder: TempFolder) {
  const argv = ["bash", join(ROOT, ".ci/left_behind"), folder.path, "1"];
  await using checking = new LiveProgram("left_behind", argv);
  const { code, stdout } = await checking.end();
  return { code, stdout };
}

Deno.test({
  name: "a run that leaves nothing passes, whoever else works on the machine",
  ignore,
  async fn() {
    await using folder = await TempFolder.make();
    await using _other = new LiveProgram("other", program("sleep"));
    await Deno.mkdir(folder.at("node-compile-cache"));

    assertEquals(await check(folder), { code: 0, stdout: "" });
  },
});

Deno.test({
  name: "a process of a run that goes on is named, and fails the check",
  ignore,
  async fn() {
    await using folder = await TempFolder.make();
    const argv = program("sleep");
    await using left = new LiveProgram("left", argv, { TMPDIR: folder.path });

    const { code, stdout } = await check(folder);

    assertEquals(code, 1);
    assertEquals(
      stdout,
      `error: a process was left: ${left.pid} ${argv.join(" ")} \n`,
    );
  },
});

Deno.test({
  name: "a process whose environment says nothing is known by its parent",
  ignore,
  async fn() {
    await using folder = await TempFolder.make();
    const line = "env -i sleep 60 & echo begun; wait";
    await using left = new LiveProgram("left", ["sh", "-c", line], {
      TMPDIR: folder.path,
    });
    await left.printed(/begun/);

    const { code, stdout } = await check(folder);
    const lines = stdout.trimEnd().split("\n");
    const sleeping = Number(/left: (\d+) sleep 60/.exec(stdout)?.[1]);
    Deno.kill(sleeping, "SIGKILL");

    assertEquals([code, lines.length], [1, 2]);
  },
});

Deno.test({
  name: "a file in the temporary folder of a run is named, and fails the check",
  ignore,
  async fn() {
    await using folder = await TempFolder.make();
    await folder.write("piri-test-1/log", "");
    await folder.write(".hidden", "");

    const { code, stdout } = await check(folder);

    assertEquals(code, 1);
    assertMatch(stdout, /^error: a file was left: .*\/piri-test-1$/m);
    assertMatch(stdout, /^error: a file was left: .*\/\.hidden$/m);
  },
});
