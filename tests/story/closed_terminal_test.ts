import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { oddSeconds, untilProcesses } from "../support/processes.ts";
import {
  AtTerminal,
  NEEDS_PSEUDO_TERMINAL,
} from "../support/pseudo_terminal.ts";
import { story } from "../support/story.ts";

const GONE = "SIGHUP, the terminal has gone";

story(
  "an agent whose terminal is closed ends its command, tells its result, and ends well",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const agent = fleet.agent("web-1");
    await agent.stop();
    await using terminal = new AtTerminal(fleet.folder.at("agent"), [
      ...executables.agent,
      ...["--dir", agent.dir, "run"],
    ]);
    await fleet.connected("web-1");
    const seconds = oddSeconds();
    const running = fleet.spawn("run", "web-1", "--", "sleep", seconds);
    await untilProcesses(seconds, 2); // and the command line itself

    const { code, log } = await terminal.close();
    const told = await running.end();
    await untilProcesses(seconds, 0);

    assertEquals(code, ExitCode.ok);
    assertStringIncludes(log, GONE);
    assertEquals(told.code, ExitCode.failed);
    assertMatch(told.stderr, /^web-1: failed, SIGTERM: agent stopped/m);
  },
  { ignored: NEEDS_PSEUDO_TERMINAL },
);

story(
  "a Manager whose terminal is closed records that it stops, and ends well",
  async (executables) => {
    await using fleet = await startFleet(executables);
    await fleet.serving.stop();
    await using terminal = new AtTerminal(fleet.folder.at("manager"), [
      ...executables.manager,
      ...["--dir", fleet.dir, "serve"],
    ]);
    await terminal.printed(/^ready: /m);

    const { code, log } = await terminal.close();
    await fleet.startManager();
    const stops = await fleet.eventsOf("manager_stopped");

    assertEquals(code, ExitCode.ok);
    assertStringIncludes(log, GONE);
    // The first one is that of the Manager before.
    assertEquals(stops.length, 2);
  },
  { ignored: NEEDS_PSEUDO_TERMINAL },
);
