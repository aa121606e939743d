import { assertEquals, assertStringIncludes } from "@std/assert";
import { Code } from "@connectrpc/connect";
import { PiriError } from "../../../lib/base/errors.ts";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { apiError, command, FakeManager } from "../fake_manager.ts";
import type { FakeTerminal } from "../fake_terminal.ts";
import { see, start } from "./start.ts";

const RUN = ["web-1", "web-2", "web-3", "web-4", "--", "true"];

const ALL = ["web-1", "web-2", "web-3", "web-4"];

/** Answer about these targets, of which some are connected. */
function targetsOf(
  names: readonly string[],
  connected: readonly string[],
): { targets: { name: string; connected: boolean }[] } {
  return {
    targets: names.map((name) => ({
      name,
      connected: connected.includes(name),
    })),
  };
}

/** Manager that knows four agents, of which these are connected. */
function managerWith(...connected: readonly string[]): FakeManager {
  const manager = new FakeManager();
  manager.targets = targetsOf(ALL, connected);
  manager.commands = [command()];
  return manager;
}

/** Runs a subcommand that starts one command, and lets that succeed. */
async function succeed(
  args: readonly string[],
  { manager }: { manager: FakeManager },
): Promise<{ code: number; stderr: string; terminal: FakeTerminal }> {
  const { code, terminal } = await start(args, { manager });
  await terminal.clock.settle();
  return {
    code: await ended(manager, code),
    stderr: terminal.stderr.text,
    terminal,
  };
}

/** Lets the command succeed that is watched. */
async function ended(
  manager: FakeManager,
  code: Promise<number>,
): Promise<number> {
  const last = command({ state: CommandState.SUCCEEDED, exitCode: 0 });
  manager.watch.state(last).end();
  return await code;
}

Deno.test("run --serve starts a Manager, runs on it, and stops it", async () => {
  const manager = managerWith(...ALL);
  const { code, stderr, terminal } = await succeed(["run", "--serve", ...RUN], {
    manager,
  });

  assertEquals(
    [code, stderr.split("\n")[0]],
    [0, "4 of 4 agents connected after 0.0 s"],
  );
  assertEquals(manager.briefStarts, [
    { dir: "/var/lib/piri-manager", dirGiven: false, listen: undefined },
  ]);
  assertEquals([manager.runs.length, manager.briefStops], [1, 1]);
  assertEquals(new Set(manager.dirs), new Set(["/dev/shm/state"]));
  assertEquals([manager.open, terminal.isListening], [0, false]);
});

Deno.test("--dir and --listen go to the Manager that run --serve starts", async () => {
  const manager = managerWith(...ALL);
  await succeed(
    ["run", "--serve", "--dir", "/srv/m", "--listen", ":7052", ...RUN],
    { manager },
  );

  assertEquals(manager.briefStarts, [
    { dir: "/srv/m", dirGiven: true, listen: ":7052" },
  ]);
});

Deno.test("run --serve waits for all agents of the targets, by default", async () => {
  const manager = managerWith("web-1");
  const { terminal, code } = await start(["run", "--serve", ...RUN], {
    manager,
  });
  await terminal.clock.advance(5_000);
  assertEquals(manager.runs.length, 0);
  assertEquals(
    terminal.stderr.text,
    "agents are accepted at 0.0.0.0:7051; waiting for agents: 1 of 4 are connected\n",
  );
  manager.targets = targetsOf(ALL, ALL);
  await terminal.clock.advance(200);

  assertEquals(await ended(manager, code), 0);
  assertStringIncludes(
    terminal.stderr.text,
    "\n4 of 4 agents connected after 5.2 s\n",
  );
});

for (
  const [quorum, connected] of [
    ["75%", 3],
    ["51%", 3],
    ["50%", 2],
    ["1", 1],
  ] as const
) {
  Deno.test(`--wait-for ${quorum} of four agents waits for ${connected}`, async () => {
    const manager = managerWith(...ALL.slice(0, connected));
    const { code } = await succeed(
      ["run", "--serve", "--wait-for", quorum, ...RUN],
      { manager },
    );
    assertEquals([code, manager.runs.length], [0, 1]);
    const fewer = managerWith(...ALL.slice(0, connected - 1));
    const { terminal, code: other } = await start(
      ["run", "--serve", "--wait-for", quorum, "--within", "1s", ...RUN],
      { manager: fewer },
    );
    await terminal.clock.advance(1_000);

    assertEquals([await other, fewer.runs.length], [3, 0]);
  });
}

Deno.test("too few agents in time: exit 3, with the names of those that are away, and nothing was started", async () => {
  const manager = managerWith("web-3");
  const { terminal, code } = await start(
    ["run", "--serve", "--within", "60s", "--wait-for", "3", ...RUN],
    { manager },
  );
  await terminal.clock.advance(60_000);

  assertEquals(await code, 3);
  assertEquals(
    terminal.stderr.text.split("\n").slice(1, 2),
    [
      "error: Cannot run: 1 of 4 agents is connected after 60 s, and 3 have to be; nothing was started; away: web-[1-2,4]",
    ],
  );
  assertEquals([manager.runs.length, manager.briefStops, manager.open], [
    0,
    1,
    0,
  ]);
});

Deno.test("too few agents in time are no end of a program with --exit-code: exit 255", async () => {
  const manager = managerWith();
  manager.targets = targetsOf(["web-1"], []);
  const { terminal, code } = await start(
    ["run", "--serve", "--exit-code", "--within", "1s", "web-1", "--", "true"],
    { manager },
  );
  await terminal.clock.advance(1_000);

  assertEquals([await code, manager.runs.length], [255, 0]);
});

Deno.test("a sample stays the same while it is waited for, and those that are away are in it", async () => {
  const manager = managerWith("web-1");
  const first = { ...targetsOf(ALL, ["web-1"]), seed: 77 };
  manager.targets = first;
  const { terminal, code } = await start(
    ["run", "--serve", "--limit", "50%", "--connected", ...RUN],
    { manager },
  );
  await terminal.clock.advance(200);
  manager.targets = { ...targetsOf(ALL, ALL), seed: 77 };
  await terminal.clock.advance(200);

  assertEquals(await ended(manager, code), 0);
  assertEquals(
    manager.selections.map((each) => [each?.seed, each?.connectedOnly]),
    [[undefined, false], [77, false], [77, false]],
  );
  const [job] = manager.runs;
  assertEquals([job?.targets?.seed, job?.targets?.connectedOnly], [77, true]);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} while run --serve waits for agents: exit 7, nothing was started, and the Manager is stopped`, async () => {
    const manager = managerWith("web-1");
    const { terminal, code } = await start(["run", "--serve", ...RUN], {
      manager,
    });
    await terminal.signal(signal);
    await terminal.signal(signal);

    assertEquals(await code, 7);
    assertStringIncludes(
      terminal.stderr.text,
      `error: Cannot run: ${signal} came while it waited for agents; nothing was started\n`,
    );
    assertEquals([manager.runs.length, manager.briefStops], [0, 1]);
    assertEquals(terminal.isListening, false);
  });
}

Deno.test("signals are heard until the Manager has stopped: none ends the process before that", async () => {
  const manager = managerWith(...ALL);
  const stopping = Promise.withResolvers<void>();
  manager.brief = { stop: () => stopping.promise };
  const { terminal, code } = await start(["run", "--serve", ...RUN], {
    manager,
  });

  assertEquals(terminal.isListening, true);
  const exit = ended(manager, code);
  await terminal.clock.settle();
  assertEquals(terminal.isListening, true);
  stopping.resolve();
  assertEquals(await exit, 0);
  assertEquals(terminal.isListening, false);
});

Deno.test("a Manager whose job fails to start is stopped, too", async () => {
  const manager = managerWith(...ALL);
  manager.onRun = () => {
    throw apiError("DENIED", "Cannot run: no", Code.PermissionDenied);
  };
  const { code } = await see(["run", "--serve", ...RUN], { manager });

  assertEquals([code, manager.briefStops], [4, 1]);
});

Deno.test("a folder that cannot be removed at the end is told, and the exit code stays that of the job", async () => {
  const manager = managerWith(...ALL);
  manager.removalError = new PiriError("DISK", 'Cannot remove "/tmp/x": busy');
  const { code, stderr } = await succeed(["run", "--serve", ...RUN], {
    manager,
  });

  assertEquals(code, 0);
  assertStringIncludes(stderr, 'error: Cannot remove "/tmp/x": busy\n');
});

Deno.test("a Manager that runs already is used, and the user is told", async () => {
  const manager = managerWith(...ALL);
  manager.brief = { listen: undefined, notes: ["a Manager already runs"] };
  const { code, stderr } = await succeed(["run", "--serve", ...RUN], {
    manager,
  });

  assertEquals(code, 0);
  assertStringIncludes(stderr, "a Manager already runs\n");
});

for (
  const [args, message] of [
    [["--serve", "--detach"], 'Cannot use "--detach" with "--serve"'],
    [["--within", "5s"], 'Cannot use "--within" without "--serve"'],
    [["--wait-for", "5"], 'Cannot use "--wait-for" without "--serve"'],
    [["--listen", ":1"], 'Cannot use "--listen" without "--serve"'],
    [["--serve", "--wait-for", "101%"], 'Cannot wait for "101%" of the agents'],
    [["--serve", "--wait-for", "most"], 'Cannot wait for "most" of the agents'],
    [
      ["--serve", "--wait-for", "5"],
      "Cannot wait for 5 agents: the targets mean 4",
    ],
  ] as const
) {
  Deno.test(`run ${args.join(" ")} is wrong usage, and nothing is started`, async () => {
    const manager = managerWith(...ALL);
    const { code, stderr } = await see(["run", ...args, ...RUN], { manager });

    assertEquals([code, manager.runs.length], [2, 0]);
    assertStringIncludes(stderr, `error: ${message}`);
    assertEquals(manager.briefStops, manager.briefStarts.length);
  });
}

Deno.test("a job whose secret is missing is told so, and one with a state folder of its own is not", async () => {
  const manager = managerWith(...ALL);
  manager.briefError = new PiriError("FAILED_PRECONDITION", "Cannot use it");
  const none = await see(["run", "--serve", ...RUN], { manager });
  const empty = await see(["run", "--serve", ...RUN], {
    manager,
    env: { PIRI_STATE: "" },
  });
  const named = await see(["run", "--serve", "--dir", "/m", ...RUN], {
    manager,
  });

  assertEquals([none.code, empty.code, named.code], [1, 1, 1]);
  assertStringIncludes(none.stderr, "hint: PIRI_STATE is empty");
  assertStringIncludes(empty.stderr, "hint: PIRI_STATE is empty");
  assertEquals(named.stderr, "error: Cannot use it\n");
});
