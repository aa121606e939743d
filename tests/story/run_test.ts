import { assert, assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

story(
  "run prints the program's output, and exits 0",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("printAndExit", "hello");

    const { code, stdout, stderr } = await fleet.manager(
      "run",
      "web-1",
      "--",
      ...argv,
    );

    assertEquals(stdout, "hello\n");
    assertEquals(stderr, "");
    assertEquals(code, ExitCode.ok);
  },
);

story(
  "run fails when the program fails, and the exit code is recorded",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("printAndExit", "hello", "3");

    const { code, stdout } = await fleet.manager("run", "web-1", "--", ...argv);

    assertEquals(stdout, "hello\n");
    assertEquals(code, ExitCode.failed);
    const [shown] = await fleet.json("show", "1");
    assertEquals(shown?.["state"], "failed");
    assertEquals(shown?.["exitCode"], 3);
  },
);

story(
  "a program that does not exist fails its command, and nothing else",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const { code, stdout, stderr } = await fleet.manager(
      "run",
      "web-1",
      "--",
      "no-such-program",
    );

    assertEquals(code, ExitCode.failed);
    assertEquals(stdout, "");
    assertMatch(stderr, /^web-1: failed: Cannot start "no-such-program"/);
    const again = await fleet.manager(
      "run",
      "web-1",
      "--",
      ...program("printAndExit", "fine"),
    );
    assertEquals(again.stdout, "fine\n");
    assertEquals(await fleet.eventsOf("agent_disconnected"), []);
  },
);

story(
  "a program gets its folder, its variables and its input",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const input = await fleet.folder.write("input", "grüße\n");
    const { path } = fleet.folder;

    const [cwd, env, stdin] = await Promise.all([
      fleet.manager(
        "run",
        "web-1",
        "--cwd",
        path,
        "--",
        ...program("printCwd"),
      ),
      fleet.manager(
        "run",
        "web-1",
        "--env",
        "PIRI_TEST=a=b c",
        "--",
        ...program("printEnv"),
      ),
      fleet.manager(
        "run",
        "web-1",
        "--stdin",
        input,
        "--",
        ...program("copyStdin"),
      ),
    ]);

    assertEquals(cwd.stdout, path);
    assertEquals(JSON.parse(env.stdout)["PIRI_TEST"], "a=b c");
    assertEquals(stdin.stdout, "grüße\n");
  },
);

story(
  "an unknown agent, operation or command is reported at once, and nothing is recorded",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const agent = await fleet.manager("run", "web-2", "--", "true");
    const operation = await fleet.manager("run", "web-1", "--op", "file.Fech");
    const command = await fleet.manager("show", "7");

    assertEquals(agent.code, ExitCode.notFound);
    assertMatch(agent.stderr, /no agent "web-2", did you mean "web-1"/);
    assertEquals(operation.code, ExitCode.notFound);
    assertMatch(operation.stderr, /"file.Fech".*\n.*file\.Fetch/);
    assertEquals(command.code, ExitCode.notFound);
    assertMatch(command.stderr, /Cannot find command 7/);
    assertEquals(await fleet.json("commands"), []);
  },
);

story(
  "a disconnected agent is reported at once, and nothing is recorded",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    await fleet.agent("web-1").kill();
    await fleet.disconnected("web-1");

    const { code, stderr } = await fleet.manager("run", "web-1", "--", "true");

    assertEquals(code, ExitCode.unavailable);
    assertMatch(stderr, /"web-1".* not connected/);
    assertEquals(await fleet.json("commands"), []);
  },
);

story("wrong usage is reported before anything runs", async (executables) => {
  await using fleet = await startFleet(executables, { agents: ["web-1"] });

  const flag = await fleet.manager(
    "run",
    "web-1",
    "--timout",
    "5s",
    "--",
    "true",
  );
  const missing = await fleet.manager(
    "run",
    "web-1",
    "--op",
    "file.Fetch",
    "source=a",
  );
  const wrong = await fleet.manager(
    "run",
    "web-1",
    "--op",
    "command.Run",
    "argv:=7",
  );
  const both = await fleet.manager(
    "run",
    "web-1",
    "--shell",
    "true",
    "--",
    "true",
  );

  assertEquals(flag.code, ExitCode.usage);
  assertMatch(flag.stderr, /did you mean "--timeout"\?/);
  assertEquals(missing.code, ExitCode.usage);
  assertMatch(missing.stderr, /path/);
  assertEquals(wrong.code, ExitCode.usage);
  assertMatch(wrong.stderr, /argv/);
  assertEquals(both.code, ExitCode.usage);
  assertEquals(await fleet.json("commands"), []);
});

story("a fully busy agent refuses a command", async (executables) => {
  await using fleet = await startFleet(executables, {
    agents: ["web-1"],
    agentConfig: { allowTestOperations: true },
  });
  {
    using control = await fleet.control();
    for (let i = 1; i <= 32; i++) {
      await control.commands.run({
        agents: ["web-1"],
        operation: "test.Sleep",
        params: '{"seconds":600}',
        requestId: `sleep ${i}`,
      });
    }
  }

  const { code, stderr } = await fleet.manager(
    "run",
    "web-1",
    "--op",
    "echo.Echo",
    "text=hello",
  );

  assertEquals(code, ExitCode.refused);
  assertMatch(stderr, /^web-1: refused: .*busy, 32 commands are running/m);
});

story(
  "a Manager that does not run, and one that does not exist, are reported as such",
  async (executables) => {
    await using fleet = await startFleet(executables);
    await fleet.serving.kill();

    const stopped = await fleet.manager("agents");
    const absent = await fleet.manager(
      "agents",
      "--dir",
      fleet.folder.at("nowhere"),
    );

    assertEquals(stopped.code, ExitCode.unavailable);
    assertMatch(stopped.stderr, /it is not running/);
    assertEquals(absent.code, ExitCode.unavailable);
    assertMatch(absent.stderr, /there is no such folder/);
  },
);

story(
  "a command goes on while nobody waits, and can be watched and shown later",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const go = fleet.folder.at("go");
    const argv = program("waitForFile", go);

    const detached = await fleet.manager(
      "run",
      "web-1",
      "--detach",
      "--",
      ...argv,
    );
    await until(
      "the output is kept",
      async () =>
        (await fleet.manager("show", "1", "--output")).stdout === "ready\n",
    );
    const [running] = await fleet.json("show", "1");
    const watching = fleet.spawn("watch", "1");
    await watching.printed(/ready\n/);
    await Deno.writeTextFile(go, "");
    const watched = await watching.end();
    const watchedAgain = await fleet.manager("watch", "1");

    assertEquals(detached.stdout, "j-1\n");
    assertEquals(detached.code, ExitCode.ok);
    assertEquals(running?.["state"], "running");
    assertEquals(watched.stdout, "ready\ndone\n");
    assertEquals(watched.code, ExitCode.ok);
    assertEquals(watchedAgain.stdout, watched.stdout);
    const [shown] = await fleet.json("show", "1");
    assertEquals(shown?.["state"], "succeeded");
    assert(String(shown?.["startedAt"]) <= String(shown?.["finishedAt"]));
    const { stdout } = await fleet.manager("show", "1");
    assertMatch(stdout, /^state: +succeeded$/m);
  },
);

story("the history lists past commands, newest first", async (executables) => {
  await using fleet = await startFleet(executables, { agents: ["web-1"] });
  await fleet.manager("run", "web-1", "--op", "echo.Echo", "text=one");
  await fleet.manager("run", "web-1", "--", "no-such-program");

  const commands = await fleet.json("commands");
  const { stdout } = await fleet.manager("commands");

  assertEquals(
    commands.map(({ id, operation, state }) => [id, operation, state]),
    [
      ["2", "command.Run", "failed"],
      ["1", "echo.Echo", "succeeded"],
    ],
  );
  assertMatch(stdout, /2 .*failed[^]*1 .*succeeded/);
});
