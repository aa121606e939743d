import { assertEquals, assertMatch } from "@std/assert";
import {
  CommandState,
  OnDisconnect,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { clockTime, localTime } from "../../../lib/cli/time.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { finish, ONE, startRun, TERMINAL, TWO } from "./live_run.ts";
import { start } from "./start.ts";

Deno.test("one agent's output without a terminal is the bytes alone, as they arrive", async () => {
  const started = await startRun([ONE]);
  const bytes = Uint8Array.of(0x00, 0xff, 0x1b, 0x0a, 0xc3);
  started.manager.watch.output(12n, bytes)
    .output(12n, "e\r\n", { stream: "stderr" });
  await started.terminal.clock.settle();
  const early = started.terminal.stdout.bytes;
  await finish(started);

  assertEquals(early, bytes);
  assertEquals(started.terminal.stdout.bytes, bytes);
  assertEquals(started.terminal.stderr.text, "e\r\n");
});

Deno.test("a pattern gives the output the form for several agents, even if it matches one", async () => {
  const manager = new FakeManager();
  manager.commands = [ONE];
  const started = await start(["run", "web-*", "--stream", "--", "x"], {
    manager,
  });
  manager.watch.state(ONE).output(12n, "a\nb");
  await finish(started);

  assertEquals(started.terminal.stdout.text, "web-1: a\nweb-1: b\n");
});

Deno.test("a failure has a line of its own behind exact bytes that end in mid line", async () => {
  const failed = command({ state: CommandState.FAILED, exitCode: 42 });
  const streams: string[] = [];
  for (
    const [flags, surroundings, stream] of [
      [[], {}, "stderr"],
      [["--raw"], {}, "stderr"],
      [["--raw"], TERMINAL, "stdout"],
    ] as const
  ) {
    const { manager, terminal, code } = await startRun([ONE], {
      ...surroundings,
      flags: [...flags],
    });
    manager.watch.output(12n, "in mid line", { stream }).state(failed).end();
    assertEquals(await code, 1);
    streams.push(terminal.screen);
  }

  assertEquals(
    streams,
    Array(3).fill("in mid line\nweb-1: failed, exit code 42\n"),
  );
});

Deno.test("--raw shows the bytes alone, even on a terminal and of several agents", async () => {
  const started = await startRun([ONE, TWO], { ...TERMINAL, flags: ["--raw"] });
  started.manager.watch.output(12n, "a\x1b[31m").output(13n, "b");
  await finish(started);

  assertEquals(started.terminal.screen, "a\x1b[31mb");
});

Deno.test("each line on a terminal begins with its agent", async () => {
  const started = await startRun([ONE], TERMINAL);
  started.manager.watch.output(12n, "one\ntwo\n")
    .output(12n, "oops\n", { stream: "stderr" });
  await finish(started);

  assertEquals(started.terminal.stdout.text, "web-1: one\nweb-1: two\n");
  assertEquals(started.terminal.stderr.text, "web-1: oops\n");
});

Deno.test("lines of several agents begin with the name even without a terminal, and the bytes stay as is", async () => {
  const started = await startRun([ONE, TWO]);
  started.manager.watch.output(12n, "a\x1b\r\n").output(13n, "b\nc");
  await finish(started);

  assertEquals(
    started.terminal.stdout.text,
    "web-1: a\x1b\r\nweb-2: b\nweb-2: c\n",
  );
});

Deno.test("output of two agents never mixes within a line", async () => {
  const started = await startRun([ONE, TWO]);
  started.manager.watch.output(12n, "he").output(13n, "one\n")
    .output(12n, "llo\n", { offset: 2n });
  await finish(started);

  assertEquals(started.terminal.stdout.text, "web-2: one\nweb-1: hello\n");
});

Deno.test("names of agents are coloured on a terminal, each in its own colour", async () => {
  const started = await startRun([ONE, TWO], { terminals: ["stdout"] });
  started.manager.watch.output(12n, "a\n").output(13n, "b\n");
  await finish(started);

  assertEquals(
    started.terminal.stdout.text,
    "\x1b[36mweb-1:\x1b[0m a\n\x1b[32mweb-2:\x1b[0m b\n",
  );
});

Deno.test("an unfinished line is shown to a person after 200 ms, and continues in place", async () => {
  const { manager, terminal, screen, code } = await startRun([ONE], TERMINAL);
  manager.watch.output(12n, "Password: ");
  await terminal.clock.advance(199);
  const before = await screen.lines();
  await terminal.clock.advance(1);
  const after = await screen.lines();
  manager.watch.output(12n, "ok\n", { offset: 10n });
  await finish({ manager, terminal, code });

  assertEquals([before, after], [[""], ["web-1: Password:"]]);
  assertEquals(await screen.lines(), ["web-1: Password: ok", ""]);
});

Deno.test("an unfinished line is ended when the command ends", async () => {
  const started = await startRun([ONE], TERMINAL);
  started.manager.watch.output(12n, "no newline");
  await finish(started);

  assertEquals(started.terminal.screen, "web-1: no newline\n");
});

Deno.test("control characters are spelled out on a terminal", async () => {
  const started = await startRun([ONE], TERMINAL);
  started.manager.watch.output(
    12n,
    "tab\t\x1b]0;title\x07 c1 \u009b31m bidi \u202e back\x08 del\x7f\r\n",
  );
  await finish(started);

  assertEquals(
    started.terminal.screen,
    "web-1: tab\t\\x1b]0;title\\x07 c1 \\u{9b}31m bidi \\u{202e} back\\x08 del\\x7f\n",
  );
});

Deno.test("errors of a program are made safe on a terminal even if its output goes elsewhere", async () => {
  const started = await startRun([ONE], {
    terminals: ["stderr"],
    env: { NO_COLOR: "1" },
  });
  started.manager.watch.output(12n, "\x1b\n")
    .output(12n, "\x1b\n", { stream: "stderr" });
  await finish(started);

  assertEquals(started.terminal.stdout.text, "\x1b\n");
  assertEquals(started.terminal.stderr.text, "web-1: \\x1b\n");
});

Deno.test("a character that arrives in two pieces is shown whole, in time", async () => {
  const run = await startRun([ONE], TERMINAL);
  const [first, ...rest] = new TextEncoder().encode("é…\n");
  run.print(ONE, Uint8Array.of(0x61, first ?? 0));
  await run.pass(200);
  const before = await run.screen.lines();
  run.print(ONE, Uint8Array.from(rest));
  await finish(run);

  assertEquals(before, ["web-1: a"]);
  assertEquals(await run.screen.lines(), ["web-1: aé…", ""]);
});

Deno.test("the two halves of a Windows line end may arrive apart", async () => {
  const run = await startRun([ONE], TERMINAL);
  run.print(ONE, "hello\r");
  await run.pass(200);
  const before = await run.screen.lines();
  run.print(ONE, "\n");
  await finish(run);

  assertEquals(before, ["web-1: hello"]);
  assertEquals(await run.screen.lines(), ["web-1: hello", ""]);
});

Deno.test("bytes that are no text are shown as replacement characters on a terminal", async () => {
  const started = await startRun([ONE], TERMINAL);
  started.manager.watch.output(12n, Uint8Array.of(0x61, 0xff, 0x0a));
  await finish(started);

  assertEquals(started.terminal.screen, "web-1: a\ufffd\n");
});

Deno.test("a cut in the output is shown as a line of its own", async () => {
  const started = await startRun([ONE, TWO]);
  started.manager.watch.output(12n, "head")
    .output(12n, "tail\n", { offset: 12_349n, cut: 12_345n });
  await finish(started);

  assertEquals(
    started.terminal.stdout.text,
    "web-1: head\nweb-1: [12345 bytes were not kept]\nweb-1: tail\n",
  );
});

Deno.test("a cut is reported on stderr if stdout has the bytes alone", async () => {
  const started = await startRun([ONE]);
  started.manager.watch
    .output(12n, new Uint8Array(), { offset: 5n, cut: 5n })
    .cutOff(12n, "it read too slowly");
  await finish(started);

  assertEquals(started.terminal.stdout.text, "");
  assertEquals(
    started.terminal.stderr.text,
    "web-1: [5 bytes of stdout were not kept, from byte 0 on]\n" +
      "web-1: [the output ends here: it read too slowly]\n",
  );
});

Deno.test("bytes that arrive twice are shown once", async () => {
  const started = await startRun([ONE]);
  started.manager.watch.output(12n, "abc").output(12n, "bcd", { offset: 1n })
    .output(12n, "ab", { offset: 0n });
  await finish(started);

  assertEquals(started.terminal.stdout.text, "abcd");
});

Deno.test("progress is a line that is overwritten, gives way to output, and is gone at the end", async () => {
  const started = await startRun([ONE, TWO], { ...TERMINAL, columns: 40 });
  started.manager.watch.progress(12n, 0, 1).progress(12n, 1, 4, "copying")
    .output(13n, "hello\n").progress(12n, 3, 4)
    .progress(13n, 5, 0, "a message that is too long for the line");
  await finish(started);

  assertEquals(
    started.terminal.screen.split("\r\x1b[K"),
    [
      "",
      "web-1: 1 of 4 (25 %) copying",
      "web-2: hello\nweb-1: 1 of 4 (25 %) copying",
      "web-1: 3 of 4 (75 %)",
      "web-1: 3 of 4 (75 %) | web-2: 5 a mess…",
      "web-2: 5 a message that is too long fo…",
      "",
    ],
  );
});

Deno.test("progress is not shown without a terminal", async () => {
  const started = await startRun([ONE, TWO]);
  started.manager.watch.progress(12n, 1, 4, "copying");
  await finish(started);

  assertEquals(started.terminal.screen, "");
});

Deno.test("the loss and return of a connection during a command are reported", async () => {
  const started = await startRun([ONE], TERMINAL);
  const { clock } = started.terminal;
  const since = clock.now() - 12_000;
  const away = command({ unreachableSinceMs: BigInt(since) });
  started.manager.watch.state(away).state(away);
  await clock.advance(3_000);
  started.manager.watch.state(ONE);
  await finish(started);

  assertEquals(
    started.terminal.screen,
    `web-1: away for 12 s (last seen ${
      clockTime(since, clock.now())
    }), the command goes on there\nweb-1: back after 15 s\n`,
  );
});

Deno.test("a long absence is told again after a minute, ten minutes, and then each hour", async () => {
  const started = await startRun([ONE]);
  const { clock } = started.terminal;
  const since = clock.now();
  started.manager.watch.state(command({ unreachableSinceMs: BigInt(since) }));
  await clock.settle();
  const last = clockTime(since, since);
  const counts = [59_000, 1_000, 540_000, 3_000_000, 3_599_000, 1_000];
  const lines: string[] = [];
  for (const ms of counts) {
    await clock.advance(ms);
    lines.push(started.terminal.screen.trimEnd().split("\n").at(-1) ?? "");
  }
  await finish(started);

  const seen = `(last seen ${last}), the command goes on there`;
  assertEquals(lines, [
    `web-1: away since ${last}, the command goes on there`,
    `web-1: away for 1 min ${seen}`,
    `web-1: away for 10 min ${seen}`,
    `web-1: away for 1 h ${seen}`,
    `web-1: away for 1 h ${seen}`,
    `web-1: away for 2 h ${seen}`,
  ]);
});

Deno.test("the fate of a command while its agent is away is told with the absence", async () => {
  const fates: [given: Parameters<typeof command>[0], told: RegExp][] = [
    [{}, /, the command goes on there$/],
    [
      { survive: true },
      /, the program goes on on web-1, also if its agent has ended$/,
    ],
    [{ state: CommandState.QUEUED }, /, the command has not been sent$/],
    [
      { state: CommandState.SENT },
      /, the command was sent and has not been taken yet$/,
    ],
    [{ onDisconnect: OnDisconnect.KILL }, /, the command is ended there$/],
    [
      { onDisconnect: OnDisconnect.KILL, killAfterMs: 60_000 },
      /, the command is ended there after 1 min without a connection$/,
    ],
    [
      { cancelRequestedAtMs: 5n },
      /, the cancel reaches it when it is back at the latest$/,
    ],
  ];
  for (const [given, told] of fates) {
    const started = await startRun([ONE]);
    const since = BigInt(started.terminal.clock.now());
    started.manager.watch.state(
      command({ unreachableSinceMs: since, ...given }),
    );
    await started.terminal.clock.settle();
    assertMatch(started.terminal.screen.trimEnd(), told);
    await finish(started);
  }
});

Deno.test("a command that its agent does not take is reported after 5 s, and one that it takes is not", async () => {
  const started = await startRun([ONE, TWO]);
  const { clock } = started.terminal;
  const sent = { state: CommandState.SENT, sentAtMs: BigInt(clock.now()) };
  started.manager.watch.state(command(sent))
    .state(command({ ...TWO, ...sent }));
  await clock.advance(4_000);
  started.manager.watch.state(TWO);
  await clock.advance(2_000);
  await finish(started);

  assertEquals(
    started.terminal.screen,
    "web-1: the command was sent 5 s ago, and the agent has not taken it yet\n",
  );
});

Deno.test("a Manager that cannot write its database is reported, and that it can again", async () => {
  const started = await startRun([ONE]);
  const sinceMs = BigInt(started.terminal.clock.now());
  started.manager.watch.storage({ sinceMs, reason: "disk is full" }).storage();
  await finish(started);

  assertEquals(
    started.terminal.screen,
    `the Manager cannot write its database since ${
      localTime(Number(sinceMs))
    }: disk is full\nthe Manager can write its database again\n`,
  );
});

Deno.test("several commands of one agent are distinguished by their ids", async () => {
  const manager = new FakeManager();
  manager.commands = [ONE, command({ id: 13n })];
  const started = await start(["watch", "12", "13"], { manager });
  for (const one of manager.commands) manager.watch.state(one);
  manager.watch.output(12n, "a\n").output(13n, "b\n");
  await finish(started);

  assertEquals(started.terminal.stdout.text, "web-1 12: a\nweb-1 13: b\n");
});

Deno.test("a command that ended long ago is shown whole: its state comes before its output", async () => {
  const ended = command({ state: CommandState.SUCCEEDED });
  const manager = new FakeManager();
  manager.commands = [ended];
  const { terminal, code } = await start(["watch", "12"], { manager });
  manager.watch.state(ended).output(12n, "late\n").state(ended).end();

  assertEquals(await code, 0);
  assertEquals(terminal.stdout.text, "late\n");
});
