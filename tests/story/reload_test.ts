import { assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { editYaml } from "../support/fleet_agent.ts";
import type { LiveProgram } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { NEEDS_SIGNALS, story } from "../support/story.ts";

/** Starts a command that runs until the returned function is called, and is to end well. */
async function longRun(fleet: Fleet): Promise<() => Promise<void>> {
  const path = fleet.folder.at("go");
  const argv = program("waitForFile", path);
  const running = fleet.spawn("run", "web-1", "--", ...argv);
  await running.printed(/ready\n/);
  return async () => {
    await fleet.folder.write("go", "");
    const { code, stdout, stderr } = await running.end();

    assertEquals([code, stderr], [ExitCode.ok, ""]);
    assertEquals(stdout, "ready\ndone\n");
    assertEquals(await fleet.eventsOf("agent_disconnected"), []);
  };
}

/** Sends SIGHUP, and waits for this in the log. */
async function reload(process: LiveProgram, line: RegExp): Promise<void> {
  process.signal("SIGHUP");
  await process.printed(line, "stderr");
}

story(
  "SIGHUP makes a Manager read its configuration again, and no command notices",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const finish = await longRun(fleet);
    const path = `${fleet.dir}/config.yaml`;

    await editYaml(path, {
      retention: { days: 7 },
      outputBytesPerCommand: 0,
      advertise: "other.example:7051",
      listen: "127.0.0.1:1",
    });
    await reload(fleet.serving, /listen changes at the next start/);
    const [status] = await fleet.json<
      { retention: { days: number }; advertise: string; listen: string }
    >("status");
    await editYaml(path, { outputBytesPerCommand: "much" });
    await reload(
      fleet.serving,
      /The old settings stay: Cannot read .* line \d+/,
    );
    const flood = program("printAndExit", "not kept");
    await fleet.manager("run", "web-1", "--", ...flood);
    const shown = await fleet.manager("show", "2", "--output");

    assertMatch(
      fleet.serving.stderr,
      /read again: changed: advertise, retention\.days, outputBytesPerCommand\n/,
    );
    assertEquals(
      [status?.retention.days, status?.advertise, status?.listen],
      [7, "other.example:7051", `127.0.0.1:${fleet.port}`],
    );
    assertEquals(shown.stdout, "");
    await finish();
  },
  { ignored: NEEDS_SIGNALS },
);

story(
  "SIGHUP makes an agent read its configuration again, and its command goes on",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const finish = await longRun(fleet);
    const agent = fleet.agent("web-1");

    await agent.configure({
      log: { level: "debug", format: "json" },
      allowTestOperations: true,
    });
    await reload(
      agent.running,
      /allowTestOperations.* changes at the next start/,
    );
    await agent.configure({ log: { level: "loud" } });
    await reload(agent.running, /The old settings stay: .*log\.level/);

    assertMatch(agent.running.stderr, /changed: log\.level, log\.format/);
    await finish();
  },
  { ignored: NEEDS_SIGNALS },
);

story(
  "an agent dials new addresses after SIGHUP, when it has to dial",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const agent = fleet.agent("web-1");
    await fleet.serving.stop();
    await editYaml(`${fleet.dir}/config.yaml`, { listen: "127.0.0.1:0" });
    await fleet.startManager();
    const [, address = ""] = await fleet.serving.printed(/agents at (\S+),/);

    await agent.configure({ addresses: [address] });
    await reload(agent.running, /changed: addresses/);

    await fleet.connected("web-1");
  },
  { ignored: NEEDS_SIGNALS },
);
