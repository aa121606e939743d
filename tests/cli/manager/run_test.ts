import { assertEquals, assertStringIncludes } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Command,
  CommandState,
  OnDisconnect,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { PRESUMED_AFTER_MS } from "../../../lib/base/limits.ts";
import { agent, apiError, command, FakeManager } from "../fake_manager.ts";
import type { Surroundings } from "../fake_terminal.ts";
import { jsonLines, see, type Seen, start } from "./start.ts";

const RUN = ["run", "web-1", "--", "true"];
const BOTH = ["stdout", "stderr"] as const;
const SUCCEEDED = command({ state: CommandState.SUCCEEDED, exitCode: 0 });

/** A Manager that answers `run` with these commands. */
function managerOf(...commands: Command[]): FakeManager {
  const manager = new FakeManager();
  manager.commands = commands.length > 0 ? commands : [command()];
  return manager;
}

/** Runs a command with this end, and returns the user's view. */
async function runTo(
  last: Command,
  surroundings: Surroundings = {},
): Promise<Seen> {
  const { manager, terminal, code } = await start(RUN, {
    ...surroundings,
    manager: managerOf(),
  });
  manager.watch.state(command()).state(last).end();
  return {
    code: await code,
    stdout: terminal.stdout.text,
    stderr: terminal.stderr.text,
    manager,
    terminal,
  };
}

Deno.test("run passes the typed words on, and exits 0 when all succeed", async () => {
  const { code, manager, stdout, stderr } = await runTo(SUCCEEDED, {
    env: { USER: "ann" },
  });

  assertEquals(code, 0);
  assertEquals([stdout, stderr], ["", ""]);
  const [request] = manager.runs;
  assertEquals(request?.targets?.expressions, ["web-1"]);
  assertEquals(request?.operation, "command.Run");
  assertEquals(request?.params, '{"argv":["true"]}');
  assertEquals(request?.onDisconnect, OnDisconnect.CONTINUE);
  assertEquals(request?.timeoutMs, undefined);
  assertEquals(request?.requestedBy, "ann");
  assertEquals(request?.requestId.length, 32);
  assertEquals(manager.open, 0);
});

Deno.test("run exits 1 when the program fails, and names its exit code wherever stdout goes", async () => {
  const { code, stderr } = await runTo(
    command({
      state: CommandState.FAILED,
      exitCode: 3,
      reason: "The program ended with exit code 3",
    }),
  );

  assertEquals([code, stderr], [1, "web-1: failed, exit code 3\n"]);
});

Deno.test("run names the exit code on a terminal", async () => {
  const { stderr } = await runTo(
    command({
      state: CommandState.FAILED,
      exitCode: 3,
      reason: "The program ended with exit code 3",
    }),
    { terminals: BOTH, env: { NO_COLOR: "1" } },
  );

  assertEquals(stderr, "web-1: failed, exit code 3\n");
});

for (
  const [state, reason, code, line] of [
    [
      CommandState.FAILED,
      'Cannot start "nope": there is no such program',
      1,
      'failed: Cannot start "nope": there is no such program',
    ],
    [CommandState.REFUSED, "busy", 4, "refused: busy"],
    [
      CommandState.TIMED_OUT,
      "",
      6,
      "timed out after 1 min 30 s",
    ],
    [CommandState.CANCELLED, "", 7, "cancelled"],
    [CommandState.LOST, "may have run", 8, "lost: may have run"],
  ] as const
) {
  Deno.test(`run exits ${code} and tells the reason: ${line}`, async () => {
    const seen = await runTo(command({ state, reason, timeoutMs: 90_000 }));

    assertEquals([seen.code, seen.stderr], [code, `web-1: ${line}\n`]);
  });
}

Deno.test("run exits 5 when the agent itself does not know the operation", async () => {
  const { code } = await runTo(
    command({ state: CommandState.REFUSED, errorCode: "NOT_FOUND" }),
  );

  assertEquals(code, 5);
});

Deno.test("run tells the signal that ended the program, living processes, and presumptions", async () => {
  const killed = await runTo(
    command({
      state: CommandState.CANCELLED,
      signal: "SIGKILL",
      reason: "The program was ended by SIGKILL",
      reaped: { signalled: 2, alive: [41, 42] },
    }),
  );
  const presumed = await runTo(
    command({ state: CommandState.LOST, presumed: true }),
  );

  assertEquals(
    killed.stderr,
    "web-1: cancelled, SIGKILL, processes 41 42 still live\n",
  );
  assertEquals(presumed.stderr, "web-1: lost, presumably\n");
});

for (
  const [connectCode, piri, exit] of [
    [Code.Unavailable, "UNAVAILABLE", 3],
    [Code.PermissionDenied, "DENIED", 4],
    [Code.InvalidArgument, "INVALID_ARGUMENT", 2],
    [Code.ResourceExhausted, "BUSY", 4],
    [Code.Internal, "INTERNAL", 1],
  ] as const
) {
  Deno.test(`run exits ${exit} at once when the Manager answers ${piri}`, async () => {
    const manager = managerOf();
    manager.onRun = () => {
      throw apiError(piri, 'Cannot run on "web-1": so it is', connectCode);
    };

    const { code, stderr } = await see(RUN, { manager });

    assertEquals(code, exit);
    assertEquals(stderr, 'error: Cannot run on "web-1": so it is\n');
    assertEquals(manager.runs.length, 1);
  });
}

Deno.test("run exits 5 and names the nearest agent", async () => {
  const manager = managerOf();
  manager.agents = [agent({ id: "web-1" }), agent({ id: "db-1" })];
  manager.onRun = () => {
    throw apiError("NOT_FOUND", 'Cannot run on "wbe-1": unknown');
  };

  const { code, stderr } = await see(["run", "wbe-1", "--", "true"], {
    manager,
  });

  assertEquals(code, 5);
  assertEquals(
    stderr,
    'error: Cannot run on "wbe-1": unknown\nhint: did you mean "web-1"?\n',
  );
});

Deno.test("run names the nearest agents of all unknown ones", async () => {
  const manager = managerOf();
  manager.agents = [agent({ id: "web-1" }), agent({ id: "db-1" })];
  manager.onRun = () => {
    throw apiError("NOT_FOUND", "Cannot run: unknown");
  };
  const { stderr } = await see(["run", "wbe-1", "web-1", "bd-1", "--", "x"], {
    manager,
  });

  assertEquals(
    stderr,
    'error: Cannot run: unknown\nhint: did you mean "web-1", "db-1"?\n',
  );
});

Deno.test("a command too large for any agent is not sent, and one limit and a way are named", async () => {
  const text = "x".repeat(300_000);
  const refused = async (...args: string[]) => {
    const { code, stderr, manager } = await see(["run", "web-1", ...args]);
    assertEquals([code, manager.runs], [2, []]);
    return stderr;
  };
  const argument = await refused("--", "echo", text);
  const fits = await see(
    ["run", "web-1", "--detach", "--", "echo", text.slice(40_000)],
    { manager: managerOf() },
  );

  assertStringIncludes(
    argument,
    "Cannot run: the parameters take 300020 bytes, the limit is 261632; put a long text into a file in files/all",
  );
  assertEquals(fits.code, 0);
});

Deno.test("run exits 5 and names the nearest operation", async () => {
  const manager = managerOf();
  manager.onRun = () => {
    throw apiError("NOT_FOUND", 'Cannot run "file.Fetc": unknown');
  };

  const { code, stderr } = await see(["run", "web-1", "--op", "file.Fetc"], {
    manager,
  });

  assertEquals(code, 5);
  assertStringIncludes(stderr, 'hint: did you mean "file.Fetch"?\n');
});

Deno.test("run exits 3 at once when there is no Manager", async () => {
  const manager = managerOf();
  manager.down = true;

  const { code, stderr } = await see(RUN, { manager });

  assertEquals(code, 3);
  assertEquals(stderr, "error: Cannot reach the Manager: no socket\n");
  assertEquals(manager.attempts, 1);
});

Deno.test("run exits with the worst code of several commands", async () => {
  const ends = [
    CommandState.SUCCEEDED,
    CommandState.FAILED,
    CommandState.REFUSED,
    CommandState.TIMED_OUT,
    CommandState.LOST,
  ].map((state, index) =>
    command({ id: BigInt(index + 1), agent: `web-${index + 1}`, state })
  );
  const exits: number[] = [];
  for (let count = 1; count <= ends.length; count++) {
    const some = ends.slice(0, count);
    const { manager, code } = await start(["run", "*", "--", "true"], {
      manager: managerOf(...some),
    });
    for (const end of some) manager.watch.state(end);
    manager.watch.end();
    exits.push(await code);
  }

  assertEquals(exits, [0, 1, 4, 6, 8]);
});

Deno.test("run tells which of several agents failed, even without a terminal", async () => {
  const ok = command({ id: 1n, state: CommandState.SUCCEEDED });
  const bad = command({
    id: 2n,
    agent: "web-2",
    state: CommandState.FAILED,
    exitCode: 3,
  });
  const { manager, terminal, code } = await start(["run", "*", "--", "x"], {
    manager: managerOf(ok, bad),
  });
  manager.watch.state(ok).state(bad).end();

  assertEquals(await code, 1);
  assertEquals(
    terminal.stderr.text,
    "j-17: x on * (2 agents)\nweb-1: ok\nweb-2: failed, exit code 3\n" +
      "j-17: 1 ok, 1 failed in 0 ms\n  failed: web-2\n" +
      "hint: piri-manager job rerun j-17 --failed\n",
  );
});

Deno.test("run --detach prints the id of the job and does not wait", async () => {
  const manager = managerOf(command(), command({ id: 13n }));

  const { code, stdout } = await see(["run", "*", "--detach", "--", "x"], {
    manager,
  });

  assertEquals([code, stdout], [0, "j-17\n"]);
  assertEquals(manager.watches.length, 0);
});

Deno.test("run --detach --json prints the job", async () => {
  const { stdout } = await see(
    ["run", "web-1", "--detach", "--json", "--", "x"],
    { manager: managerOf() },
  );

  const [value] = jsonLines(stdout);
  assertEquals([value?.["id"], value?.["state"]], ["j-17", "running"]);
});

Deno.test("run asks again with the same request id when the connection breaks", async () => {
  const manager = managerOf();
  let calls = 0;
  manager.onRun = () => {
    if (++calls < 3) throw brokenConnection();
  };
  const { terminal, code } = await start(RUN, { manager });
  await terminal.clock.advance(5_000);
  manager.watch.state(command()).state(SUCCEEDED).end();

  assertEquals(await code, 0);
  assertEquals(manager.runs.length, 3);
  assertEquals(new Set(manager.runs.map(({ requestId }) => requestId)).size, 1);
});

Deno.test("run attaches again at its offset when the Manager comes back, and shows each byte once", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command()).output(12n, "one\ntw")
    .output(12n, "warn\n", { stream: "stderr" }).fail();
  manager.down = true;
  await terminal.clock.advance(30_000);
  manager.down = false;
  await terminal.clock.advance(2_000);
  const [place] = manager.watch.request.commands;
  manager.watch.state(command()).output(12n, "two\n", { offset: 4n })
    .state(SUCCEEDED).end();

  assertEquals(await code, 0);
  assertEquals(place?.commandId, 12n);
  assertEquals([place?.stdoutOffset, place?.stderrOffset], [6n, 5n]);
  assertEquals(terminal.stdout.text, "one\ntwo\n");
  assertEquals(
    terminal.stderr.text,
    "warn\nthe connection to the Manager broke off: trying again…\n",
  );
});

Deno.test("run attaches again when the stream ends before the command has", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command()).end();
  await terminal.clock.advance(2_000);
  manager.watch.state(command()).state(SUCCEEDED).end();

  assertEquals(await code, 0);
  assertEquals(manager.watches.length, 2);
});

Deno.test("run attaches again when the Manager announces its end", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command())
    .fail(apiError("UNAVAILABLE", "The Manager stops", Code.Unavailable));
  await terminal.clock.advance(2_000);
  manager.watch.state(SUCCEEDED).end();

  assertEquals(await code, 0);
});

Deno.test("run gives up with 3 when the Manager stays away for 60 s, and tells how to go on", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command()).fail();
  manager.down = true;
  await terminal.clock.advance(59_000);
  const before = terminal.stderr.text;
  await terminal.clock.advance(1_000);

  assertEquals(await code, 3);
  assertEquals(before.includes("error"), false);
  assertStringIncludes(
    terminal.stderr.text,
    "error: Cannot follow command 12: the Manager has been away for 60 s\n" +
      "hint: piri-manager watch 12\n",
  );
  assertEquals(terminal.isListening, false);
});

Deno.test("run gives up after 60 s even if the Manager accepts the connection and stays silent", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command()).fail();
  await terminal.clock.advance(60_000);

  assertEquals(await code, 3);
  assertEquals(manager.watches.length, 2);
});

Deno.test("run waits for a quiet command as long as it takes, even after it attached again", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command()).fail();
  await terminal.clock.advance(2_000);
  manager.watch.state(command());
  await terminal.clock.advance(3_600_000);
  manager.watch.state(SUCCEEDED).end();

  assertEquals(await code, 0);
  assertEquals(manager.watches.length, 2);
});

Deno.test("run restarts its 60 s each time the Manager answers", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  for (let times = 0; times < 3; times++) {
    manager.watch.state(command()).fail();
    manager.down = true;
    await terminal.clock.advance(40_000);
    manager.down = false;
    await terminal.clock.advance(2_000);
  }
  manager.watch.state(SUCCEEDED).end();

  assertEquals(await code, 0);
});

Deno.test("run --timeout passes the time on, and stops waiting with 6 when no result comes", async () => {
  const { manager, terminal, code } = await start(
    ["run", "web-1", "--timeout", "1m30s", "--", "x"],
    { manager: managerOf() },
  );
  manager.watch.state(command());
  await terminal.clock.advance(109_000);
  const before = terminal.stderr.text;
  await terminal.clock.advance(1_000);

  assertEquals(await code, 6);
  assertEquals(before, "");
  assertEquals(manager.runs[0]?.timeoutMs, 90_000);
  assertEquals(
    terminal.stderr.text,
    'error: Cannot wait longer for command 12 on "web-1": no result has come within 110 s\n' +
      "hint: piri-manager watch 12, or piri-manager cancel 12, or piri-manager give-up 12\n",
  );
  assertEquals(manager.cancels.length, 0);
});

Deno.test("run --timeout waits until the Manager presumes that a legacy agent's command timed out", async () => {
  const { manager, terminal, code } = await start(
    ["run", "web-1", "--timeout", "2s", "--", "x"],
    { manager: managerOf() },
  );
  manager.watch.state(command());
  await terminal.clock.advance(2_000 + PRESUMED_AFTER_MS);
  manager.watch.state(
    command({
      state: CommandState.TIMED_OUT,
      timeoutMs: 2_000,
      presumed: true,
    }),
  ).end();

  assertEquals(await code, 6);
  assertStringIncludes(
    terminal.stderr.text,
    "timed out after 2 s, presumably",
  );
});

Deno.test("Ctrl-C without a terminal cancels the job and waits for its end", async () => {
  const two = [command(), command({ id: 13n, agent: "web-2" })];
  const { manager, terminal, code } = await start(["run", "*", "--", "x"], {
    manager: managerOf(...two),
    env: { USER: "ann" },
  });
  const done = command({
    id: 13n,
    agent: "web-2",
    state: CommandState.SUCCEEDED,
  });
  for (const one of two) manager.watch.state(one);
  manager.watch.state(done);
  await terminal.clock.settle();
  await terminal.interrupt();
  const asked = manager.jobCancels
    .map(({ jobId, requestedBy }) => [jobId, requestedBy]);
  manager.watch.state(command({ state: CommandState.CANCELLED })).end();

  assertEquals(await code, 7);
  assertEquals(asked, [[17n, "ann"]]);
  assertStringIncludes(
    terminal.stderr.text,
    "cancelling job j-17…\nweb-1: cancelled\n",
  );
  assertEquals(terminal.isListening, false);
});

Deno.test("a second Ctrl-C stops waiting, and prints the id and the request", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command());
  await terminal.interrupt();
  await terminal.interrupt();

  assertEquals(await code, 7);
  assertEquals(
    terminal.stderr.text,
    "cancelling command 12…\n" +
      "error: Stopped waiting for command 12: cancel requested\n" +
      "hint: piri-manager watch 12\n",
  );
});

Deno.test("a second Ctrl-C tells that the Manager has not confirmed the cancel", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.onCancel = () => new Promise(() => {});
  await terminal.interrupt();
  await terminal.interrupt();

  assertEquals(await code, 130);
  assertStringIncludes(
    terminal.stderr.text,
    "Stopped waiting for command 12: cancel not confirmed\n",
  );
});

Deno.test("Ctrl-C tells that a legacy agent does not confirm the cancel, and goes on waiting", async () => {
  const manager = managerOf();
  manager.unconfirmed = true;
  const { terminal, code } = await start(RUN, { manager });
  manager.watch.state(command());
  await terminal.interrupt();
  manager.watch.state(SUCCEEDED).end();

  assertEquals(await code, 0);
  assertEquals(
    terminal.stderr.text,
    "cancelling command 12…\n" +
      "cancel of command 12: it was sent, but legacy agents do not confirm a cancel\n",
  );
});

Deno.test("Ctrl-C before the Manager has answered cancels the commands that it then starts", async () => {
  const answer = Promise.withResolvers<void>();
  const manager = managerOf();
  manager.onRun = () => answer.promise;
  const { terminal, code } = await start(RUN, { manager });
  await terminal.interrupt();
  answer.resolve();
  await terminal.clock.settle();
  manager.watch.state(command({ state: CommandState.CANCELLED })).end();

  assertEquals(await code, 7);
  assertEquals(manager.cancels.length, 1);
});

Deno.test("Ctrl-C twice before the Manager has answered tells that the outcome is unknown", async () => {
  const manager = managerOf();
  manager.onRun = () => new Promise(() => {});
  const { terminal, code } = await start(RUN, { manager });
  await terminal.interrupt();
  await terminal.interrupt();

  assertEquals(await code, 130);
  assertStringIncludes(
    terminal.stderr.text,
    "Cannot tell whether anything was started",
  );
});

Deno.test("Ctrl-C reaches an absent Manager when it comes back", async () => {
  const { manager, terminal, code } = await start(RUN, {
    manager: managerOf(),
  });
  manager.watch.state(command()).fail();
  manager.down = true;
  await terminal.clock.advance(5_000);
  await terminal.interrupt();
  const before = manager.cancels.length;
  manager.down = false;
  await terminal.clock.advance(2_000);
  manager.watch.state(command({ state: CommandState.CANCELLED })).end();

  assertEquals(await code, 7);
  assertEquals([before, manager.cancels.length], [0, 1]);
});

Deno.test("a cancel that comes too late is ignored, and a denied one is reported", async () => {
  const stderrs: string[] = [];
  for (const code of ["FAILED_PRECONDITION", "DENIED"] as const) {
    const started = await start(RUN, { manager: managerOf() });
    started.manager.onCancel = () => {
      throw apiError(code, "Cannot cancel command 12: so it is");
    };
    await started.terminal.interrupt();
    started.manager.watch.state(SUCCEEDED).end();
    assertEquals(await started.code, 0);
    stderrs.push(started.terminal.stderr.text);
  }

  assertEquals(stderrs, [
    "cancelling command 12…\n",
    "cancelling command 12…\nCannot cancel command 12: so it is\n",
  ]);
});

/** Connect's error for a failed fetch. */
function brokenConnection(): ConnectError {
  return new ConnectError("connection reset", Code.Unknown);
}
