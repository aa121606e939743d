import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  CommandState,
  EntryState,
  JobState,
  RerunScope,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager, job } from "../../fake_manager.ts";
import { jsonLines, see, start } from "../start.ts";
import { failed, inOrder, ok, without } from "./entries.ts";

/** A Manager with a job that has ended. */
function ended(): FakeManager {
  const manager = new FakeManager();
  manager.jobs = [job({
    state: JobState.FAILED,
    name: "deploy",
    requestedBy: "ann",
    counts: { total: 3, succeeded: 1, failed: 1, unreachable: 1 },
    finishedAtMs: BigInt(Date.UTC(2026, 0, 1, 0, 0, 41)),
  })];
  manager.entries = inOrder([
    ok("web-1", "hi\n"),
    failed("web-2", 3),
    without("web-3", EntryState.UNREACHABLE, "it is not connected"),
  ]);
  manager.commands = [
    command({ id: 100n, agent: "web-1", state: CommandState.SUCCEEDED }),
    command({
      id: 101n,
      agent: "web-2",
      state: CommandState.FAILED,
      exitCode: 3,
    }),
  ];
  manager.outputs.set(100n, ["hi\n", ""]).set(101n, ["", ""]);
  return manager;
}

Deno.test("job list shows the jobs, newest first, and passes the choice on", async () => {
  const manager = ended();
  const { code, stdout } = await see(
    ["job", "list", "--state", "failed", "--text", "dep", "--before", "j-20"],
    { manager },
  );

  assertEquals(code, 0);
  assertEquals(
    stdout.replaceAll(/2026-01-01 \d\d:00:00/g, "a time").replaceAll(
      / +/g,
      " ",
    ),
    "ID STATE AGENTS CREATED TIME NAME ON RUNS\n" +
      "j-17 failed 1 ok, 1 failed, 1 unreachable a time 41 s deploy web-* true\n",
  );
  assertEquals(manager.jobLists[0]?.states, [JobState.FAILED]);
  assertEquals(manager.jobLists[0]?.text, "dep");
  assertEquals(manager.jobLists[0]?.beforeId, 20n);
});

for (
  const args of [["job", "show", "j-17"], ["show", "j-17"], ["why", "j-17"]]
) {
  Deno.test(`${args.join(" ")} tells how each agent ended, folded and with reasons`, async () => {
    const { code, stdout } = await see(args, { manager: ended() });

    assertEquals(code, 0);
    const facts = stdout.split("\n").map((line) => line.replace(/: +/, ": "));
    assertEquals(
      facts.filter((line) => !/^(created|finished|time)/.test(line)),
      [
        "job: j-17",
        "name: deploy",
        "state: failed",
        "runs: true",
        "on: web-*",
        "agents: 1 ok, 1 failed, 1 unreachable",
        "ok: web-1",
        "failed: web-2",
        "unreachable (it is not connected): web-3",
        "requested by: ann",
        "",
      ],
    );
  });
}

Deno.test("job show --entries has a line for each agent", async () => {
  const { stdout } = await see(["job", "show", "17", "--entries"], {
    manager: ended(),
  });

  assertStringIncludes(stdout, "AGENT  COMMAND  STATE");
  assertStringIncludes(stdout, "web-2  101      failed, exit code 3");
  assertStringIncludes(stdout, "web-3           unreachable: it is not");
});

Deno.test("show j-17/web-1 shows its command, and that of an agent without one its entry", async () => {
  const one = await see(["show", "j-17/web-1"], { manager: ended() });
  const other = await see(["show", "j-17/web-3"], { manager: ended() });
  const stranger = await see(["show", "j-17/web-7"], { manager: ended() });

  assertStringIncludes(one.stdout, "id:          100\n");
  assertStringIncludes(other.stdout, "it is not connected");
  assertEquals([one.code, other.code, stranger.code], [0, 0, 5]);
  assertStringIncludes(
    stranger.stderr,
    'Cannot find "web-7" in job j-17: it is none of its agents',
  );
});

Deno.test("watch and job watch show an ended job as run did, with its exit code", async () => {
  const texts: string[] = [];
  for (const args of [["watch", "j-17"], ["job", "watch", "j-17"]]) {
    const { manager, terminal, code } = await start(args, { manager: ended() });
    for (const one of manager.commands) manager.watch.state(one);
    manager.watch.end();
    assertEquals(await code, 3);
    texts.push(terminal.stdout.text);
  }

  assertEquals(texts[0], texts[1]);
  assertStringIncludes(texts[0] ?? "", "web-1 (ok)\n  hi\n");
});

Deno.test("a signal to job watch leaves the job alone", async () => {
  const manager = ended();
  const { terminal, code } = await start(["job", "watch", "j-17"], {
    manager,
    keyboard: true,
    terminals: ["stdout", "stderr"],
  });
  await terminal.interrupt();

  assertEquals([await code, manager.jobCancels], [130, []]);
  assertStringIncludes(
    terminal.stderr.text,
    "Stopped watching job j-17: what runs goes on\n",
  );
});

for (
  const [args, printed] of [
    [["job", "cancel", "j-17"], "j-17: cancel requested\n"],
    [["cancel", "j-17"], "j-17: cancel requested\n"],
    [["job", "pause", "j-17"], "j-17: paused\n"],
    [["job", "resume", "17"], "j-17: resumed\n"],
    [["job", "rerun", "j-17", "--detach"], "j-18\n"],
    [["rerun", "j-17", "--detach"], "j-18\n"],
    [["cancel", "j-17/web-1"], "100: cancel requested\n"],
  ] as const
) {
  Deno.test(`${args.join(" ")} prints ${printed.trim()}`, async () => {
    const { code, stdout } = await see(args, { manager: ended() });

    assertEquals([code, stdout], [0, printed]);
  });
}

for (
  const [flags, scope, on] of [
    [[], RerunScope.ALL, []],
    [["--failed"], RerunScope.FAILED, []],
    [["--lost"], RerunScope.LOST, []],
    [["--unreachable"], RerunScope.UNREACHABLE, []],
    [["--failed", "--on", "@web"], RerunScope.FAILED, ["@web"]],
  ] as const
) {
  Deno.test(`job rerun ${flags.join(" ")} asks for ${RerunScope[scope]}`, async () => {
    const { manager } = await see(
      ["job", "rerun", "j-17", ...flags, "--detach"],
      { manager: ended() },
    );

    assertEquals(manager.jobReruns.map(({ scope }) => scope), [scope]);
    assertEquals(manager.jobReruns[0]?.on, [...on]);
    assertEquals(manager.jobReruns[0]?.requestId.length, 32);
  });
}

for (
  const [args, code, error] of [
    [["job", "show", "j-99"], 5, "Cannot find job j-99: there is none"],
    [["job", "show", "x"], 2, 'Cannot read the id "x"'],
    [
      ["cancel", "j-17/web-3"],
      1,
      "Cannot cancel j-17/web-3: it has no command, it is unreachable: it is not connected",
    ],
    [["watch", "j-17", "12"], 2, "Cannot watch a job beside something else"],
    [["show", "j-17", "--output"], 2, "Cannot show the output of j-17"],
    [["rerun", "12", "--failed"], 2, "Cannot choose agents of 12"],
    [
      ["job", "rerun", "j-17", "--failed", "--lost"],
      2,
      'Cannot use "--failed" with "--lost"',
    ],
  ] as const
) {
  Deno.test(`${args.join(" ")} exits ${code}: ${error}`, async () => {
    const seen = await see(args, { manager: ended() });

    assertEquals(seen.code, code);
    assertStringIncludes(seen.stderr, error);
  });
}

Deno.test("show --output of a job of one agent prints the output of its command", async () => {
  const manager = ended();
  manager.jobs = [job({
    state: JobState.SUCCEEDED,
    targets: { expressions: ["web-1"] },
  })];
  manager.entries = inOrder([ok("web-1", "hi\n")]);
  const { code, stdout } = await see(["show", "j-17", "--output"], { manager });

  assertEquals([code, stdout], [0, "hi\n"]);
});

Deno.test("show --output of a job whose agent got no command says so", async () => {
  const manager = ended();
  manager.jobs = [job({
    state: JobState.FAILED,
    targets: { expressions: ["web-3"] },
  })];
  manager.entries = inOrder([
    without("web-3", EntryState.UNREACHABLE, "it is not connected"),
  ]);
  const { code, stderr } = await see(["show", "j-17", "--output"], { manager });

  assertEquals(code, 1);
  assertStringIncludes(stderr, "its agent has no command");
});

Deno.test("one agent that is not connected is an error with 3, and the way to wait for it", async () => {
  const manager = new FakeManager();
  manager.entries = [
    without("web-1", EntryState.UNREACHABLE, "it is not connected"),
  ];
  const { code, stderr } = await see(["run", "web-1", "--", "x"], { manager });

  assertEquals(code, 3);
  assertEquals(
    stderr,
    'error: Cannot run on "web-1": it is not connected\nhint: --queue 1h waits for it\n',
  );
});

for (
  const [state, code] of [
    [EntryState.EXPIRED, 3],
    [EntryState.REFUSED, 4],
    [EntryState.SKIPPED, 7],
    [EntryState.SUPERSEDED, 7],
    [EntryState.LOST, 8],
  ] as const
) {
  Deno.test(`run on one agent whose entry is ${EntryState[state]} exits ${code}`, async () => {
    const manager = new FakeManager();
    manager.entries = [without("web-1", state)];
    const seen = await see(["run", "web-1", "--", "x"], { manager });

    assertEquals(seen.code, code);
  });
}

Deno.test("job list --json prints the contract of a job", async () => {
  const { stdout } = await see(["job", "list", "--json"], { manager: ended() });
  const [value] = jsonLines(stdout);

  assertEquals([value?.["id"], value?.["state"]], ["j-17", "failed"]);
});
