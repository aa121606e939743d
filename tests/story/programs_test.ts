import { assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { story } from "../support/story.ts";

story(
  "both programs describe themselves and their usage",
  async (executables) => {
    await using fleet = await startFleet(executables);
    const host = fleet.host("web-1");

    const version =
      /^piri-(manager|agent) \d+\.\d+\.\d+ \(commit \S+, protocol 2, deno \d+\.\d+\.\d+\)\n[a-z ,:A-Z-]+\n$/;
    for (
      const program of [
        (...args: string[]) => fleet.manager(...args),
        (...args: string[]) => host.cli(...args),
      ]
    ) {
      const versioned = await program("--version");
      assertEquals(versioned.code, ExitCode.ok);
      assertMatch(versioned.stdout, version);
      const helped = await program("--help");
      assertEquals(helped.code, ExitCode.ok);
      assertMatch(helped.stdout, /^ +run .*[^]*^ +8 +lost/m);
      const wrong = await program("rum");
      assertEquals(wrong.code, ExitCode.usage);
      assertMatch(wrong.stderr, /did you mean "run"\?/);
    }
    const lost = await host.cli();
    assertEquals(lost.code, ExitCode.usage);
    assertEquals(lost.stderr, (await host.cli("--help")).stdout);
    const overview = await fleet.manager();
    assertEquals(overview.code, ExitCode.ok);
    assertMatch(overview.stdout, /^Manager of .*\nAgents: /);
    const help = await fleet.manager("run", "--help");
    assertMatch(help.stdout, /--timeout TIME/);
  },
);

story(
  "one state folder has one Manager and one agent at a time",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const serve = await fleet.manager("serve");
    const run = await fleet.agent("web-1").cli("run");

    assertEquals(serve.code, ExitCode.failed);
    assertMatch(
      serve.stderr,
      /^error: Cannot .*a Manager already runs on this folder$/m,
    );
    assertEquals(run.code, ExitCode.failed);
    assertMatch(
      run.stderr,
      /^error: Cannot .*another piri-agent runs with this folder$/m,
    );
    assertEquals(await fleet.eventsOf("agent_disconnected"), []);
  },
);

story("init refuses a folder that is in use", async (executables) => {
  await using fleet = await startFleet(executables);
  const used = await fleet.folder.write("used/file", "x");

  const again = await fleet.manager(
    "init",
    "--listen",
    "127.0.0.1:0",
    "--advertise",
    "127.0.0.1:7051",
  );
  const other = await fleet.manager(
    "init",
    "--dir",
    fleet.folder.at("used"),
    "--advertise",
    "127.0.0.1:7051",
  );

  assertEquals(again.code, ExitCode.failed);
  assertMatch(again.stderr, /^error: Cannot .*"[^"]*"/);
  assertEquals(other.code, ExitCode.failed);
  assertEquals(await Deno.readTextFile(used), "x");
  assertEquals([...Deno.readDirSync(fleet.folder.at("used"))].length, 1);
});

story("status and events show the state of the fleet", async (executables) => {
  await using fleet = await startFleet(executables, { agents: ["web-1"] });
  await fleet.manager("run", "web-1", "--op", "echo.Echo", "text=x");
  await using following = fleet.spawn(
    "events",
    "--follow",
    "--json",
    "--tail",
    "1",
  );
  // Earlier events are only printed once the follow is in place.
  await following.printed(/^\{.*\}$/m);

  const [status] = await fleet.json<
    {
      agentsConnected: number;
      commandsTotal: string;
      retention: { days: number };
    }
  >("status");
  await fleet.addAgent("web-2");
  const [added = ""] = await following.printed(
    /^\{.*"agent_added".*"web-2".*\}$/m,
  );

  assertEquals(status?.agentsConnected, 1);
  assertEquals(status?.commandsTotal, "1");
  assertEquals(status?.retention.days, 30);
  const { kind, agent, command, message, cursor } = JSON.parse(added);
  assertEquals([kind, agent, command], ["agent_added", "web-2", null]);
  // The user who runs the tests.
  assertMatch(message, /^agent "web-2" was added by \S/);
  assertMatch(cursor, /^\d+\/event\/\d+$/);
});

story("serve --json prints the Manager's address", async (executables) => {
  await using fleet = await startFleet(executables);
  const dir = fleet.folder.at("other");
  await fleet.manager(
    "init",
    "--dir",
    dir,
    "--listen",
    "127.0.0.1:0",
    "--advertise",
    "127.0.0.1:7051",
  );
  await using serving = fleet.spawn("serve", "--json", "--dir", dir);

  const [line] = await serving.printed(/^\{.*\}$/m);

  const { event, listen } = JSON.parse(line);
  assertEquals(event, "ready");
  assertMatch(listen, /^127\.0\.0\.1:[1-9]\d*$/);
});
