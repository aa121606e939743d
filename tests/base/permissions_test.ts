import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const PROGRAM = fromFileUrl(new URL("permissions_program.ts", import.meta.url));

/** Names of the errors after which neither a program nor a library can be used; a library is needed on Windows. */
const GIVEN_UP = Deno.build.os === "windows"
  ? "NotCapable,Error,allowed"
  : "NotCapable,NotCapable,allowed";

for (
  const flags of [
    ["--allow-all"],
    ["--allow-run", "--allow-ffi", "--allow-net", "--allow-read"],
  ]
) {
  Deno.test(`a program with ${flags[0]} gives up starting programs and loading libraries, in its threads too`, async () => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", ...flags, PROGRAM],
      env: { NO_COLOR: "1" },
    }).output();

    assertEquals(
      new TextDecoder().decode(stdout).split("\n"),
      [
        `here ${GIVEN_UP}`,
        `earlier thread ${GIVEN_UP}`,
        `later thread ${GIVEN_UP}`,
        "",
      ],
      new TextDecoder().decode(stderr),
    );
  });
}

for (
  const [program, flags, expected] of [
    [
      "manager.ts",
      ["--allow-all"],
      Deno.build.os === "windows"
        ? "serve and run --serve give up the permissions run before they listen"
        : "serve and run --serve give up the permissions run and ffi before they listen",
    ],
    [
      "agent.ts",
      ["--allow-all"],
      "it keeps all permissions, to run programs for its Manager",
    ],
    [
      "agent.ts",
      ["--allow-read", "--allow-env", "--allow-sys", "--allow-net"],
      "it was built without the permissions run and ffi",
    ],
  ] as const
) {
  Deno.test(`--version of ${program} with ${flags[0]} says which permissions it does without`, async () => {
    const path = fromFileUrl(new URL(`../../${program}`, import.meta.url));
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", ...flags, path, "--version"],
      env: { NO_COLOR: "1" },
    }).output();

    assertEquals(
      new TextDecoder().decode(stdout).split("\n").slice(1),
      [expected, ""],
      new TextDecoder().decode(stderr),
    );
  });
}
