import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  isBusyFile,
  startLaterIfBusy,
  startWhenFree,
} from "../../lib/operations/busy_file.ts";
import { runProgram } from "../../lib/operations/process.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { finish, newContext } from "./support.ts";

const BUSY = new Error("Failed to spawn 'a': Text file busy (os error 26)");
const MISSING = new Error("Failed to spawn 'a': entity not found");

const posix = Deno.build.os !== "windows";

/** Start that fails some times. */
function failing(times: number, error = BUSY) {
  const seen = { tries: 0, paused: 0 };
  const start = () => {
    if (seen.tries++ < times) throw error;
    return "started";
  };
  return { seen, start, pause: (ms: number) => void (seen.paused += ms) };
}

Deno.test({
  name: "a program whose file is busy is tried again, for less than a second",
  ignore: !posix,
  fn() {
    const soon = failing(3);
    assertEquals(startWhenFree(soon.start, soon.pause), "started");
    assertEquals(soon.seen, { tries: 4, paused: 17 });

    const never = failing(Infinity);
    assertThrows(() => startWhenFree(never.start, never.pause), Error, "busy");
    assertEquals(never.seen, { tries: 9, paused: 787 });
  },
});

Deno.test({
  name:
    "a program whose file is busy is tried again while other work has its turns",
  ignore: !posix,
  async fn() {
    const clock = new FakeClock();
    const { seen, start } = failing(3);
    const started = startLaterIfBusy(
      clock,
      () => Promise.resolve().then(start),
    );
    await clock.advance(16);
    assertEquals(seen.tries, 3);
    await clock.advance(1);
    assertEquals(await started, "started");
  },
});

Deno.test("a program that cannot start for another reason is tried once", async () => {
  const one = failing(1, MISSING);
  assertThrows(() => startWhenFree(one.start, one.pause), Error, "not found");
  const other = failing(1, MISSING);
  await assertRejects(
    () =>
      startLaterIfBusy(
        new FakeClock(),
        () => Promise.resolve().then(other.start),
      ),
    Error,
    "not found",
  );
  assertEquals([one.seen.tries, other.seen.tries], [1, 1]);
});

Deno.test({
  name: "the error of a program whose file stays open for writing says so",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await TempFolder.make();
    const path = folder.at("tool");
    await Deno.writeTextFile(path, "#!/bin/sh\n", { mode: 0o755 });
    using _file = await Deno.open(path, { write: true });

    const direct = assertThrows(() => new Deno.Command(path).spawn());
    const error = await assertRejects(
      () =>
        finish(runProgram({ argv: [path], cwd: "/", env: {} }, newContext())),
      PiriError,
    );

    assertEquals(isBusyFile(direct), true);
    assertEquals(
      [error.code, error.message],
      [
        "NOT_STARTED",
        `Cannot start "${path}": its file is open for writing; wait until it is complete`,
      ],
    );
  },
});
