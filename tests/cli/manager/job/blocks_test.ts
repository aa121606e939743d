import { assertEquals, assertStringIncludes } from "@std/assert";
import { seeMany } from "./many_run.ts";

/** Progress that is redrawn, in colour, and a line that clears the screen. */
const REDRAWN = "get 1%\rget 50%\rget 100%\n\x1b[31mbad\x1b[0m\na\x1b[2Jb\n";

const COLOURED = { terminals: ["stdout", "stderr"] } as const;
const NO_COLOURS = ["--color", "never"];

for (
  const [what, options, bad, cleared] of [
    [
      "on a terminal keep colours",
      COLOURED,
      "\x1b[31mbad\x1b[0m",
      "a\\x1b[2Jb",
    ],
    [
      "on a terminal with --color never have none",
      { ...COLOURED, flags: NO_COLOURS },
      "bad",
      "a\\x1b[2Jb",
    ],
    [
      "in a file keep the program's bytes",
      {},
      "\x1b[31mbad\x1b[0m",
      "a\x1b[2Jb",
    ],
    [
      "in a file with --color never have none",
      { flags: NO_COLOURS },
      "bad",
      "a\x1b[2Jb",
    ],
  ] as const
) {
  Deno.test(`blocks ${what}, and show a line that returns once`, async () => {
    const ends = ["web-1", "web-2"].map((agent) => ({
      agent,
      stdout: REDRAWN,
    }));
    const { stdout, exit } = await seeMany(ends, options);
    const [head = "", ...body] = stdout.split("\n");

    assertEquals(exit, 0);
    assertStringIncludes(head, "web-[1-2]");
    assertEquals(body, ["  get 100%", `  ${bad}`, `  ${cleared}`, ""]);
  });
}
