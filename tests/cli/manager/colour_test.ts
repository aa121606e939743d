import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import type { Surroundings } from "../fake_terminal.ts";
import { COLOURS, finish, ONE, startRun, TERMINAL, TWO } from "./live_run.ts";
import { start } from "./start.ts";

const RED = "\x1b[31mred\x1b[0m\n";

/** Prints a red line, and returns what comes to standard output. */
async function printed(
  surroundings: Surroundings & { flags?: readonly string[]; agent?: string },
): Promise<string> {
  const run = await startRun([ONE], { agent: "web-*", ...surroundings });
  run.print(ONE, RED);
  await finish(run);
  return run.terminal.stdout.text;
}

Deno.test("colours of a program pass on a terminal, with the name in its own", async () => {
  assertEquals(
    await printed(COLOURS),
    "\x1b[36mweb-1:\x1b[0m \x1b[31mred\x1b[0m\n",
  );
});

Deno.test("NO_COLOR, TERM=dumb and --color=never leave the colours out on a terminal", async () => {
  for (
    const surroundings of [
      TERMINAL,
      { ...COLOURS, env: { TERM: "dumb" } },
      { ...COLOURS, flags: ["--color=never"] },
    ]
  ) {
    assertEquals(await printed(surroundings), "web-1: red\n");
  }
});

Deno.test("--color=always wins over NO_COLOR, and holds for files", async () => {
  for (const terminals of [["stdout"], []] as const) {
    assertEquals(
      await printed({
        terminals,
        env: { NO_COLOR: "1" },
        flags: ["--color", "always"],
      }),
      "\x1b[36mweb-1:\x1b[0m \x1b[31mred\x1b[0m\n",
    );
  }
});

Deno.test("a file gets a program's bytes as they are, and no colours of ours", async () => {
  assertEquals(await printed({}), `web-1: ${RED}`);
});

Deno.test("--color=never takes the colours out of lines for a file", async () => {
  assertEquals(await printed({ flags: ["--color=never"] }), "web-1: red\n");
});

Deno.test("the bytes of one named agent are exact in a pipe, whatever --color says", async () => {
  for (const flags of [["--color=never"], ["--color=always"], []]) {
    assertEquals(await printed({ flags, agent: "web-1" }), RED);
  }
});

Deno.test("a colour that is open goes on in the agent's next line, and in no other's", async () => {
  const run = await startRun([ONE, TWO], COLOURS);
  run.print(ONE, "\x1b[31ma\nb");
  run.print(TWO, "c\n");
  run.print(ONE, "\x1b[mb\n");
  await finish(run);

  assertEquals(
    await run.screen.lines(),
    ["web-1: a", "web-2: c", "web-1: bb", ""],
  );
  assertEquals(
    await run.screen.colours(),
    ["666666.1", "222222", "666666.1", ""],
  );
});

Deno.test("an unfinished line in colour colours nothing else", async () => {
  const run = await startRun([ONE], COLOURS);
  run.print(ONE, "\x1b[31mget 1%\r");
  await run.pass(200);
  const row = await run.screen.colours();
  run.manager.watch.output(12n, "oh\n", { stream: "stderr" });
  await run.pass(0);
  const both = await run.screen.colours();
  run.print(ONE, "\x1b[0mend\n");
  await finish(run);

  assertEquals(row, ["666666.111111"]);
  assertEquals(both, ["666666", "666666.111111"]);
  assertEquals(await run.screen.colours(), ["666666", "666666", ""]);
});

Deno.test("a colour that was set in a replaced text holds for the text that replaces it", async () => {
  const run = await startRun([ONE], COLOURS);
  run.print(ONE, "\x1b[31mget 1%\rget 2%\n\x1b[0mok\r\x1b[32m\r\x1b[0m\n");
  await finish(run);

  assertEquals(await run.screen.lines(), ["web-1: get 2%", "web-1: ok", ""]);
  assertEquals(
    await run.screen.colours(),
    ["666666.111111", "666666", ""],
  );
});

Deno.test("a file keeps the effect of colours whose text was replaced", async () => {
  const run = await startRun([ONE, TWO]);
  run.print(ONE, "\x1b[31mget 1%\rget 2%\n");
  run.print(TWO, "\x1b[31mred\nget 1%\x1b[0m\rok\n");
  run.print(TWO, "ok\r\x1b[32m\n");
  await finish(run);

  assertEquals(
    run.terminal.stdout.text,
    "web-1: \x1b[0m\x1b[31mget 2%\n" +
      "web-2: \x1b[31mred\nweb-2: \x1b[0mok\nweb-2: ok\x1b[0m\x1b[32m\r\n",
  );
});

Deno.test("a colour may arrive in pieces", async () => {
  const run = await startRun([ONE], COLOURS);
  for (const character of "\x1b[1;38;5;208mx\x1b[0m\n") {
    run.print(ONE, character);
    await run.pass(10);
  }
  await finish(run);

  assertEquals(
    run.terminal.stdout.text,
    "\x1b[36mweb-1:\x1b[0m \x1b[1;38;5;208mx\x1b[0m\n",
  );
});

Deno.test("sequences that are not colours are spelled out, also those that end in m", async () => {
  const run = await startRun([ONE], COLOURS);
  run.print(
    ONE,
    "\x1b[2J \x1b[>4;1m \x1b[?1m \x1b[1 m \x1b(0 \x1b]8;;http://x\x07 \x9b31m\n",
  );
  run.print(ONE, `\x1b[${"1;".repeat(40)}m\n`);
  run.print(ONE, "\x1b\x1b[3\x1b");
  await finish(run);

  assertEquals(await run.screen.lines(), [
    "web-1: \\x1b[2J \\x1b[>4;1m \\x1b[?1m \\x1b[1 m \\x1b(0 " +
    "\\x1b]8;;http://x\\x07 \\u{9b}31m",
    `web-1: \\x1b[${"1;".repeat(40)}m`,
    "web-1: \\x1b\\x1b[3\\x1b",
    "",
  ]);
});

Deno.test("colours alone make no line on a terminal", async () => {
  const run = await startRun([ONE], COLOURS);
  run.print(ONE, "a\n\x1b[0m");
  await finish(run);

  assertEquals(await run.screen.lines(), ["web-1: a", ""]);
});

Deno.test("show, watch and rerun know --color", async () => {
  for (
    const args of [
      ["show", "12", "--output"],
      ["watch", "12"],
      ["rerun", "12"],
    ]
  ) {
    const manager = new FakeManager();
    const ended = command({ state: CommandState.SUCCEEDED });
    manager.commands = [ended];
    const { terminal, code } = await start([...args, "--color", "never"], {
      ...COLOURS,
      manager,
    });
    manager.watch.state(ended).output(12n, RED).state(ended).end();

    assertEquals(await code, 0);
    assertEquals(terminal.stdout.text.replace("web-1: ", ""), "red\n");
  }
});

Deno.test("a value that --color does not know is refused with the ones that it knows", async () => {
  const { terminal, code } = await start(
    ["run", "web-1", "--color", "alway", "--", "x"],
    {},
  );

  assertEquals(await code, 2);
  assertEquals(
    terminal.stderr.text,
    'error: Cannot use "--color alway": it is none of auto, always, never\n' +
      'hint: did you mean "always"?\n',
  );
});
