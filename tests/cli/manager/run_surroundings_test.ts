import { assertEquals, assertStringIncludes } from "@std/assert";
import { command, FakeManager } from "../fake_manager.ts";
import { see } from "./start.ts";

/** A Manager that answers `run` with a command. */
function managerOf(): FakeManager {
  const manager = new FakeManager();
  manager.commands = [command()];
  return manager;
}

Deno.test("run passes on user, group, umask and variables, those of --env over those of files", async () => {
  const { manager } = await see([
    "run",
    "web-1",
    "--detach",
    "--user=www-data:adm",
    "--umask=027",
    "--env=C=of the flag",
    "--env-file=first",
    "--env-file=-",
    "--",
    "id",
  ], {
    manager: managerOf(),
    files: { first: "A=first\nB=first\nC=first\n" },
    stdin: "B=stdin\n",
  });

  assertEquals(JSON.parse(manager.runs[0]?.params ?? ""), {
    argv: ["id"],
    env: { A: "first", B: "stdin", C: "of the flag" },
    user: "www-data",
    group: "adm",
    umask: "027",
  });
});

for (
  const [flags, reason] of [
    [["--user=:adm"], '"--user :adm" is neither USER nor USER:GROUP'],
    [["--umask=9"], '"--umask 9" is no octal number from 000 to 777'],
    [["--env-file=bad"], 'Cannot read "bad": line 2: it has no "="'],
    [["--env-file=latin1"], '"--env-file latin1": it is not UTF-8 text'],
    [["--env-file=none"], '"none"'],
    [
      ["--env-file=-", "--stdin=-"],
      '"-" is given twice, and stdin can be read only once',
    ],
  ] as const
) {
  Deno.test(`run refuses ${flags.join(" ")} and starts nothing`, async () => {
    const { code, stderr, manager } = await see(
      ["run", "web-1", ...flags, "--", "id"],
      {
        manager: managerOf(),
        files: { bad: "A=1\nB\n", latin1: Uint8Array.of(0x41, 0x3d, 0xe9) },
      },
    );

    assertEquals([code === 0, manager.runs], [false, []]);
    assertStringIncludes(stderr, reason);
  });
}

Deno.test("run passes on arguments as bytes in base64", async () => {
  const { manager } = await see(
    [
      "run",
      "web-1",
      "--detach",
      "--op",
      "command.Run",
      'argv_base64:=["cm0=","Y2Fm6Q=="]',
    ],
    { manager: managerOf() },
  );

  assertEquals(JSON.parse(manager.runs[0]?.params ?? ""), {
    argv_base64: ["cm0=", "Y2Fm6Q=="],
  });
});
