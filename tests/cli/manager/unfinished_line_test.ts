import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { finish, ONE, startRun, TERMINAL, TWO } from "./live_run.ts";
import { start } from "./start.ts";

Deno.test("progress of one agent is redrawn in place, and its last state stays", async () => {
  const run = await startRun([ONE], TERMINAL);
  const seen: string[][] = [];
  for (const text of ["get 1%\r", "get 2%\r", "get 3%\r"]) {
    run.print(ONE, text);
    await run.pass(200);
    seen.push(await run.screen.lines());
  }
  run.print(ONE, "end\n");
  await finish(run);

  assertEquals(seen, [
    ["web-1: get 1%"],
    ["web-1: get 2%"],
    ["web-1: get 3%"],
  ]);
  assertEquals(await run.screen.lines(), ["web-1: end", ""]);
});

Deno.test("progress that goes on for longer than a redraw takes is shown on the way", async () => {
  const run = await startRun([ONE], TERMINAL);
  const seen: string[][] = [];
  for (let percent = 0; percent < 10; percent++) {
    run.print(ONE, `\r${percent}%`);
    await run.pass(50);
    seen.push(await run.screen.lines());
  }
  await finish(run);

  assertEquals(
    seen.flat(),
    ["", "", "", ...Array(4).fill("web-1: 3%"), ...Array(3).fill("web-1: 7%")],
  );
});

Deno.test("progress of several agents is held, and its last state is printed once", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  for (const text of ["get 1%\r", "get 2%\r", "get 3%\r"]) {
    run.print(ONE, text);
    run.print(TWO, text);
    await run.pass(200);
  }
  const before = await run.screen.lines();
  run.print(ONE, "end\n");
  await finish(run);

  assertEquals(before, [""]);
  assertEquals(
    await run.screen.lines(),
    ["web-1: end", "web-2: get 3%", ""],
  );
});

Deno.test("the last state of a line is printed to a file once, with its prefix", async () => {
  const run = await startRun([ONE, TWO]);
  run.print(ONE, "get 1%\rget 2%\r");
  run.print(TWO, "a\r\nb\r");
  run.print(ONE, "get 3%\rend\n");
  run.print(TWO, "\nlonger\rc");
  await finish(run);

  assertEquals(
    run.terminal.stdout.text,
    "web-2: a\r\nweb-1: end\nweb-2: b\r\nweb-2: c\n",
  );
});

Deno.test("a return after which nothing follows takes nothing away", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  run.print(ONE, "\rone\r\r\n");
  run.print(TWO, "two\r");
  await finish(run);

  assertEquals(await run.screen.lines(), ["web-1: one", "web-2: two", ""]);
});

Deno.test("returns alone make no line", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  run.print(ONE, "\r\r");
  await finish(run);

  assertEquals(run.terminal.screen, "");
});

Deno.test("one named agent's bytes go to a pipe as they are, returns too", async () => {
  const run = await startRun([ONE]);
  run.print(ONE, "get 1%\rget 2%\r\x1b[31mend\r\n");
  await finish(run);

  assertEquals(run.terminal.stdout.text, "get 1%\rget 2%\r\x1b[31mend\r\n");
});

Deno.test("dots of several agents that come one by one are one line each", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  for (let dot = 0; dot < 6; dot++) {
    run.print(ONE, ".");
    run.print(TWO, ".");
    await run.pass(400);
  }
  const before = run.terminal.screen;
  run.print(ONE, "OK\n");
  run.print(TWO, "OK\n");
  await finish(run);

  assertEquals(before, "");
  assertEquals(run.terminal.screen, "web-1: ......OK\nweb-2: ......OK\n");
});

Deno.test("an unfinished line of several agents is shown after 2 s of silence", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  run.print(ONE, "Pass");
  await run.pass(1_500);
  run.print(ONE, "word: ");
  await run.pass(1_999);
  const before = run.terminal.screen;
  await run.pass(1);

  assertEquals(before, "");
  assertEquals(await run.screen.lines(), ["web-1: Password:"]);
  await finish(run);
});

Deno.test("a line that was shown unfinished stays whole when it goes on later", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  run.print(ONE, "half");
  await run.pass(2_000);
  run.print(TWO, "other\n");
  await run.pass(0);
  const between = await run.screen.lines();
  run.print(ONE, " more");
  await run.pass(200);
  const later = await run.screen.lines();
  run.print(ONE, " and all\n");
  await finish(run);

  assertEquals(between, ["web-2: other", "web-1: half"]);
  assertEquals(later, ["web-2: other", "web-1: half more"]);
  assertEquals(
    await run.screen.lines(),
    ["web-2: other", "web-1: half more and all", ""],
  );
});

Deno.test("unfinished lines of several silent agents share a row", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  run.print(ONE, "Password: ");
  run.print(TWO, "Really? ");
  await run.pass(2_000);
  const waiting = await run.screen.lines();
  run.print(ONE, "ok\n");
  await run.pass(0);
  const one = await run.screen.lines();
  run.print(TWO, "yes\n");
  await finish(run);

  assertEquals(waiting, ["web-1: Password:  | web-2: Really?"]);
  assertEquals(one, ["web-1: Password: ok", "web-2: Really?"]);
  assertEquals(
    await run.screen.lines(),
    ["web-1: Password: ok", "web-2: Really? yes", ""],
  );
});

Deno.test("progress of a silent agent is redrawn once it goes on", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  run.print(ONE, "50%\r");
  await run.pass(2_000);
  const silent = await run.screen.lines();
  run.print(ONE, "51%\r");
  await run.pass(200);
  const later = await run.screen.lines();
  await finish(run);

  assertEquals([silent, later], [["web-1: 50%"], ["web-1: 51%"]]);
});

Deno.test("both streams of one agent keep their unfinished lines whole", async () => {
  const run = await startRun([ONE], TERMINAL);
  run.print(ONE, "50%\r");
  await run.pass(200);
  run.manager.watch.output(12n, "warning\n", { stream: "stderr" });
  await run.pass(200);
  const between = await run.screen.lines();
  run.print(ONE, "100%\n");
  await finish(run);

  assertEquals(between, ["web-1: warning", "web-1: 50%"]);
  assertEquals(
    await run.screen.lines(),
    ["web-1: warning", "web-1: 100%", ""],
  );
});

Deno.test("a line in a file waits for its end, however long the silence", async () => {
  const run = await startRun([ONE, TWO]);
  run.print(ONE, "half");
  await run.pass(60_000);
  run.print(TWO, "other\n");
  run.print(ONE, " more\n");
  await finish(run);

  assertEquals(
    run.terminal.stdout.text,
    "web-2: other\nweb-1: half more\n",
  );
});

Deno.test("a terminal that cannot redraw shows a silent line as one, and the rest as another", async () => {
  const run = await startRun([ONE], {
    ...TERMINAL,
    env: { TERM: "dumb" },
  });
  run.print(ONE, "1%\r2%\r");
  await run.pass(1_000);
  run.print(ONE, "3%\rPassword: ");
  await run.pass(2_000);
  const silent = run.terminal.screen;
  run.print(ONE, "ok\n");
  await finish(run);

  assertEquals(silent, "web-1: Password: \n");
  assertEquals(run.terminal.screen, "web-1: Password: \nweb-1: ok\n");
});

Deno.test("a pattern that matches one agent prints prefixes to a pipe, as it does for several", async () => {
  const run = await startRun([ONE], { agent: "web-*" });
  run.print(ONE, "get 1%\rend\n");
  await finish(run);

  assertEquals(run.terminal.stdout.text, "web-1: end\n");
});

Deno.test("a row that is too long for the window keeps its end, and the line comes whole", async () => {
  const run = await startRun([ONE], { ...TERMINAL, size: { columns: 20 } });
  run.print(ONE, "abcdefghijklmnopqrst");
  await run.pass(200);
  const row = await run.screen.rows();
  run.print(ONE, "\n");
  await finish(run);

  assertEquals(row, ["web-1: …jklmnopqrst"]);
  assertEquals(
    await run.screen.lines(),
    ["web-1: abcdefghijklmnopqrst", ""],
  );
});

Deno.test("progress that is too long for the window keeps its beginning, and comes whole in the end", async () => {
  const run = await startRun([ONE], { ...TERMINAL, size: { columns: 20 } });
  run.print(ONE, "1% of abcdefgh\r2% of abcdefgh");
  await run.pass(200);
  const row = await run.screen.rows();
  await finish(run);

  assertEquals(row, ["web-1: 2% of abcde…"]);
  assertEquals(await run.screen.lines(), ["web-1: 2% of abcdefgh", ""]);
});

Deno.test("wide characters and tabs are counted by their columns", async () => {
  const run = await startRun([ONE], { ...TERMINAL, size: { columns: 20 } });
  const rows: string[][] = [];
  for (
    const text of [
      "名前名前名前名前",
      "\na\tb\tcde",
      "\r名\t名前名前名前",
      "\rx\ty",
    ]
  ) {
    run.print(ONE, text);
    await run.pass(200);
    rows.push((await run.screen.rows()).slice(-1));
  }
  await finish(run);

  assertEquals(rows, [
    ["web-1: …前名前名前"],
    ["web-1: …b       cde"],
    ["web-1: 名       名…"],
    ["web-1: x        y"],
  ]);
  assertEquals(run.terminal.stdout.text.endsWith("web-1: x\ty\n"), true);
});

Deno.test("a window that becomes narrower in the middle garbles nothing", async () => {
  const run = await startRun([ONE], { ...TERMINAL, size: { columns: 40 } });
  run.print(ONE, "before\n");
  run.print(ONE, "a text that takes 30 columns..\r");
  await run.pass(200);
  await run.screen.resize(20);
  run.print(ONE, "next\r");
  await run.pass(200);
  const narrow = await run.screen.lines();
  await run.screen.resize(40);
  run.print(ONE, "last\n");
  await finish(run);

  // The row that was drawn for the wider window is left behind, as this terminal cuts it off.
  const left = ["web-1: before", "web-1: a text that t"];
  assertEquals(narrow, [...left, "web-1: next"]);
  assertEquals(await run.screen.lines(), [...left, "web-1: last", ""]);
});

Deno.test("the row stays the last one while many lines scroll by", async () => {
  const run = await startRun([ONE, TWO], {
    ...TERMINAL,
    size: { columns: 80, rows: 4 },
  });
  run.print(ONE, "waits");
  await run.pass(2_000);
  for (let line = 0; line < 10; line++) run.print(TWO, `${line}\n`);
  await run.pass(0);
  const lines = await run.screen.lines();
  await finish(run);

  assertEquals(
    lines,
    [...Array(10).keys().map((line) => `web-2: ${line}`), "web-1: waits"],
  );
});

Deno.test("show --output on a terminal prints the last state of each line", async () => {
  const manager = new FakeManager();
  manager.commands = [command({ state: CommandState.SUCCEEDED })];
  const { terminal, code } = await start(["show", "12", "--output"], {
    ...TERMINAL,
    manager,
  });
  manager.watch.output(12n, "1%\r2%\rend\r\nnext").end();

  assertEquals(await code, 0);
  assertEquals(terminal.screen, "end\nnext\n");
});
