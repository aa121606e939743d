import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  CommandState,
  EntryState,
  JobOrder,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../../fake_manager.ts";
import { Screen } from "../../screen.ts";
import { see, start } from "../start.ts";
import { without } from "./entries.ts";
import { type End, seeMany, startMany } from "./many_run.ts";

const TERMINAL = {
  terminals: ["stdout", "stderr"],
  env: { NO_COLOR: "1" },
} as const;

const FAILED = { state: CommandState.FAILED, exitCode: 3 };

const ENDS: readonly End[] = [
  { agent: "web-1", stdout: "6.1\n" },
  { agent: "web-2", stdout: "6.1\n" },
  { agent: "web-3", stdout: "5.15\n", stderr: "old\n" },
  { agent: "web-4", stderr: "no such file\n", ...FAILED },
];

Deno.test("several agents are shown as blocks on stdout, and states and the summary on stderr", async () => {
  const { exit, stdout, stderr } = await seeMany(ENDS, { away: ["web-9"] });

  assertEquals(exit, 3);
  assertEquals(
    stdout,
    `web-[1-2] (2 agents, ok)
  6.1
web-3 (ok)
  5.15
! old
web-4 (failed, exit code 3)
! no such file
`,
  );
  assertEquals(
    stderr,
    `j-17: x on web-* (5 agents)
web-9: unreachable: it is not connected
web-1: ok
web-2: ok
web-3: ok
web-4: failed, exit code 3
j-17: 3 ok, 1 failed, 1 unreachable in 0 ms
  failed: web-4
  unreachable: web-9 (it is not connected)
hint: piri-manager job rerun j-17 --failed
`,
  );
});

Deno.test("a row counts at a terminal, failures have lines at once, and the row is gone at the end", async () => {
  const run = await startMany(ENDS, { ...TERMINAL, away: ["web-9"] });
  const screen = new Screen(run.terminal);
  await run.terminal.clock.advance(1_000);
  const first = await screen.lines();
  await run.end("web-4");
  await run.terminal.clock.advance(1_100);
  const second = await screen.lines();
  await run.finish();
  await run.code;

  assertEquals(first, [
    "j-17: x on web-* (5 agents)",
    "running 4  ok 0  away 1   00:01",
  ]);
  assertEquals(second, [
    "j-17: x on web-* (5 agents)",
    "web-4: failed, exit code 3",
    "running 3  ok 0  failed 1  away 1   00:02",
  ]);
  assertEquals(await screen.lines(), [
    "j-17: x on web-* (5 agents)",
    "web-4: failed, exit code 3",
    "web-[1-2] (2 agents, ok)",
    "  6.1",
    "web-3 (ok)",
    "  5.15",
    "! old",
    "web-4 (failed, exit code 3)",
    "! no such file",
    "j-17: 3 ok, 1 failed, 1 unreachable in 2.1 s",
    "  failed: web-4",
    "  unreachable: web-9 (it is not connected)",
    "hint: piri-manager job rerun j-17 --failed",
    "",
  ]);
});

Deno.test("the row is redrawn at most ten times a second, and fits into a window that becomes narrower", async () => {
  const ends = Array.from({ length: 300 }, (_, index) => ({
    agent: `n${index}`,
  }));
  const run = await startMany(ends, TERMINAL);
  const screen = new Screen(run.terminal, { columns: 60 });
  await run.terminal.clock.advance(1_000);
  const before = run.terminal.written.length;
  for (const { agent } of ends.slice(0, 100)) {
    await run.end(agent);
    await run.terminal.clock.advance(10);
  }
  const drawn = run.terminal.written.length - before;
  await screen.resize(24);
  await run.terminal.clock.advance(1_000);
  const rows = await screen.rows();
  await run.finish();

  assertEquals(await run.code, 0);
  assertEquals(drawn <= 11, true, `${drawn} writes`);
  assertEquals(rows.at(-1), "running 200   00:03");
});

Deno.test("a terminal shows 20 lines about agents, and then counts", async () => {
  const ends = Array.from({ length: 50 }, (_, index) => ({
    agent: `n${index}`,
    ...FAILED,
  }));
  const { stderr, exit } = await seeMany(ends, TERMINAL);
  const piped = await seeMany(ends);

  assertEquals(exit, 1);
  assertEquals(stderr.match(/^n\d+: failed, exit code 3$/gm)?.length, 20);
  assertStringIncludes(
    stderr,
    "\n… more are counted below and named at the end\n",
  );
  assertEquals(piped.stderr.match(/^n\d+: failed/gm)?.length, 50);
});

for (
  const [flags, blocks] of [
    [["--quiet"], ["web-4 (failed, exit code 3)", "! no such file"]],
    [["--only-failed"], ["web-4 (failed, exit code 3)", "! no such file"]],
    [["--lines", "0"], [
      "web-[1-2] (2 agents, ok)",
      "  … more: piri-manager show 101 --output",
      "web-3 (ok)",
      "  … more: piri-manager show 103 --output",
      "web-4 (failed, exit code 3)",
      "  … more: piri-manager show 104 --output",
    ]],
    [["--diff"], [
      "web-[1-2] (2 agents, ok)",
      "  6.1",
      "web-3 (ok)",
      "@ line 1",
      "-   6.1",
      "+   5.15",
      "+ ! old",
      "web-4 (failed, exit code 3)",
      "@ line 1",
      "-   6.1",
      "+ ! no such file",
    ]],
    [["--stream"], []],
  ] as const
) {
  Deno.test(`blocks with ${flags.join(" ")}`, async () => {
    const { stdout } = await seeMany(ENDS, { flags });

    assertEquals(stdout.split("\n").slice(0, -1), [...blocks]);
  });
}

Deno.test("--quiet prints failures and the summary alone", async () => {
  const { stderr } = await seeMany(ENDS, { flags: ["--quiet"] });

  assertEquals(
    stderr,
    `web-4: failed, exit code 3
j-17: 3 ok, 1 failed in 0 ms
  failed: web-4
hint: piri-manager job rerun j-17 --failed
`,
  );
});

Deno.test("a block has 40 lines on a terminal, and all elsewhere", async () => {
  const stdout = Array.from({ length: 50 }, (_, index) => `${index}\n`)
    .join("");
  const ends = [{ agent: "web-1", stdout }];
  const shown = await seeMany(ends, TERMINAL);
  const piped = await seeMany(ends);

  assertStringIncludes(
    shown.stdout,
    "  38\n  39\n  … more: piri-manager show 101 --output\n",
  );
  assertEquals(piped.stdout.split("\n").length, 52);
});

Deno.test("bodies are fetched once a group, and small ones together", async () => {
  const ends = Array.from({ length: 1_000 }, (_, index) => ({
    agent: `n${index}`,
    stdout: index < 10 ? `${index}\n` : "same\n",
  }));
  const { stdout, manager } = await seeMany(ends);

  assertEquals(stdout.match(/^\S.*\)$/gm)?.length, 11);
  assertEquals(
    manager.outputRequests.map(({ commands }) => commands.length),
    [11],
  );
});

Deno.test("output of agents cannot act on the terminal, within blocks neither", async () => {
  const { stdout } = await seeMany(
    [{ agent: "web-1", stdout: "a\x1b[2Jb\n" }],
    TERMINAL,
  );

  assertStringIncludes(stdout, "  a\\x1b[2Jb\n");
});

Deno.test("--stream prints lines as they come, with the time in front on demand", async () => {
  const run = await startMany([{ agent: "web-1" }], {
    flags: ["--timestamps", "--utc"],
  });
  const at = Date.UTC(2026, 0, 1);
  run.manager.watch.output(101n, "one\n", { at });
  run.manager.watch.output(101n, "two\n", { offset: 4n, at: at + 1_500 });
  await run.finish();

  assertEquals(await run.code, 0);
  assertEquals(
    run.terminal.stdout.text,
    "2026-01-01T00:00:00.000Z web-1: one\n" +
      "2026-01-01T00:00:01.500Z web-1: two\n",
  );
});

Deno.test("--out writes the output of each agent as it comes, and a summary", async () => {
  const run = await startMany([{ agent: "web-1" }, { agent: "web-2" }], {
    flags: ["--out", "results"],
    away: ["web-9"],
  });
  run.manager.watch.output(101n, "one\n").output(101n, "two\n", {
    offset: 4n,
  }).output(101n, "warn\n", { stream: "stderr" });
  await run.terminal.clock.settle();
  const early = run.terminal.outFile("results/web-1.stdout");
  await run.finish();

  assertEquals([await run.code, early], [3, "one\ntwo\n"]);
  assertEquals([...run.terminal.outFiles.keys()].toSorted(), [
    "results/summary.json",
    "results/web-1.stderr",
    "results/web-1.stdout",
    "results/web-2.stderr",
    "results/web-2.stdout",
  ]);
  assertEquals(run.terminal.outFile("results/web-1.stderr"), "warn\n");
  const summary = JSON.parse(run.terminal.outFile("results/summary.json"));
  assertEquals([summary.exitCode, summary.job.id], [3, "j-17"]);
  assertEquals(
    summary.entries.map((entry: { state: string }) => entry.state),
    ["succeeded", "succeeded", "unreachable"],
  );
});

Deno.test("--out, --junit and --summary write files for one agent, too", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(
    [
      ...["run", "web-1", "--junit", "a.xml", "--summary", "a.md"],
      ...["--out", "d", "--", "x"],
    ],
    { manager },
  );
  const early = terminal.outFile("a.xml");
  manager.watch.state(command())
    .state(command({ state: CommandState.SUCCEEDED })).end();

  assertEquals([await code, early], [0, ""]);
  assertStringIncludes(terminal.outFile("a.xml"), 'tests="1" failures="0"');
  assertStringIncludes(terminal.outFile("a.md"), "### j-17: 1 ok");
  assertEquals(terminal.outFile("d/web-1.stdout"), "");
  assertStringIncludes(terminal.outFile("d/summary.json"), '"exitCode": 0');
});

Deno.test("--junit and --summary write reports of several agents", async () => {
  const flags = ["--junit", "a.xml", "--summary", "a.md"];
  const { terminal } = await seeMany(ENDS, { flags });

  assertStringIncludes(terminal.outFile("a.xml"), 'tests="4" failures="1"');
  assertStringIncludes(terminal.outFile("a.md"), "### j-17: 3 ok, 1 failed");
});

Deno.test("run asks for one job with all of its limits, whatever its size", async () => {
  const { manager, stdout, code } = await see([
    ...["run", "@web", "db-[1-3]", "--exclude", "db-2", "--connected"],
    ...["--batch", "10%", "--canary", "2", "--max-failures", "5%"],
    ...["--cancel-rest", "--pause", "30s", "--order", "random"],
    ...["--timeout", "5m", "--deadline", "1h", "--queue", "2h"],
    ...["--supersede", "deploy", "--name", "deploy", "--note", "for #12"],
    ...["--allow-missing", "--limit", "50%", "--seed", "7", "--detach"],
    ...["--", "./deploy.sh"],
  ]);
  const [request] = manager.runs;

  assertEquals([code, stdout], [0, "j-17\n"]);
  assertEquals(request?.targets?.expressions, ["@web", "db-[1-3]"]);
  assertEquals(request?.targets?.exclude, ["db-2"]);
  assertEquals(request?.targets?.connectedOnly, true);
  assertEquals(request?.targets?.allowMissing, true);
  assertEquals(request?.targets?.limit, { case: "limitPercent", value: 50 });
  assertEquals(request?.targets?.seed, 7);
  const { limits } = request ?? {};
  assertEquals(limits?.batch?.share, { case: "percent", value: 10 });
  assertEquals(limits?.canary?.share, { case: "count", value: 2 });
  assertEquals(limits?.maxFailures?.share, { case: "percent", value: 5 });
  assertEquals(limits?.cancelRest, true);
  assertEquals(
    [limits?.pauseMs, limits?.deadlineMs, limits?.queueMs],
    [30_000n, 3_600_000n, 7_200_000n],
  );
  assertEquals(limits?.order, JobOrder.RANDOM);
  assertEquals(limits?.supersedeKey, "deploy");
  assertEquals(request?.timeoutMs, 300_000);
  assertEquals([request?.name, request?.note], ["deploy", "for #12"]);
});

Deno.test("a canary may be an expression", async () => {
  const { manager } = await see(
    ["run", "@web", "--canary", "web-[1-2]", "--detach", "--", "x"],
  );

  assertEquals(manager.runs[0]?.limits?.canaryTargets, ["web-[1-2]"]);
});

for (
  const [flags, error] of [
    [["--batch", "0"], '"--batch 0": it is neither a number of agents'],
    [["--max-failures", "101%"], '"--max-failures 101%": it is neither'],
    [["--pause", "1s"], '"--pause" without "--batch"'],
    [["--cancel-rest"], '"--cancel-rest" without "--max-failures"'],
    [["--stream", "--diff"], '"--stream" with "--diff"'],
    [["--raw", "--timestamps"], '"--raw" with "--timestamps"'],
    [["--utc"], '"--utc" without "--timestamps"'],
  ] as const
) {
  Deno.test(`run with ${flags.join(" ")} is refused before anything runs`, async () => {
    const { code, stderr, manager } = await see(
      ["run", "@web", ...flags, "--", "x"],
    );

    assertEquals([code, manager.runs], [2, []]);
    assertStringIncludes(stderr, `Cannot use ${error}`);
  });
}

Deno.test("agents left out and agents expected back are told before the job's output", async () => {
  const manager = new FakeManager();
  manager.notes = {
    leftOut: { away: 2 },
    expected: ["web-3", "web-4"],
  };
  const { stderr } = await see(
    ["run", "@web", "--connected", "--detach", "--", "x"],
    { manager },
  );

  assertEquals(
    stderr,
    "left out as not connected: 2 agents\n" +
      "waiting for web-[3-4], which the Manager expects back after its restart\n",
  );
});

Deno.test("a watch that broke off goes on, and shows nothing twice", async () => {
  const run = await startMany(ENDS);
  await run.end("web-4");
  run.manager.watch.fail();
  await run.terminal.clock.advance(2_000);
  await run.finish();

  assertEquals(await run.code, 1);
  assertEquals(run.manager.jobWatches.length, 2);
  const { text } = run.terminal.stderr;
  assertEquals(text.match(/^web-4: failed, exit code 3$/gm)?.length, 1);
  assertStringIncludes(
    text,
    "the connection to the Manager broke off: trying again…\n",
  );
});

Deno.test("output that comes before the entry of its command is shown once the entry is there", async () => {
  const manager = new FakeManager();
  const commands = [101n, 102n].map((id, at) =>
    command({ id, agent: `web-${at + 1}` })
  );
  manager.commands = commands;
  manager.entries = commands.map(({ agent }, position) => ({
    ...without(agent, EntryState.QUEUED),
    position,
  }));
  const { terminal, code } = await start(
    ["run", "web-*", "--stream", "--", "x"],
    { manager },
  );
  for (const { id } of commands) manager.watch.output(id, `early ${id}\n`);
  for (const each of commands) {
    manager.watch.state({ ...each, state: CommandState.SUCCEEDED });
  }
  manager.watch.end();
  await terminal.clock.settle();

  assertEquals(await code, 0);
  assertEquals(
    terminal.stdout.text,
    "web-1: early 101\nweb-2: early 102\n",
  );
});
