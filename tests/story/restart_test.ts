import { assert, assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import {
  oddSeconds,
  processesWith,
  untilProcesses,
} from "../support/processes.ts";
import { program } from "../support/program.ts";
import { NEEDS_PROC, NEEDS_SIGNALS, story } from "../support/story.ts";

story(
  "a Manager that crashes and returns finds its agents, their commands and their output again",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
    });
    await fleet.manager("run", "web-2", "--op", "echo.Echo", "text=before");
    const enough = fleet.folder.at("enough");
    const running = fleet.spawn(
      "run",
      "web-1",
      "--",
      ...program("countUntilFile", enough),
    );
    await running.printed(/^100$/m);

    await fleet.serving.kill();
    await running.printed(/trying again/, "stderr");
    await fleet.startManager();
    await fleet.connected("web-1", "web-2");
    const last = Number(running.stdout.trimEnd().split("\n").at(-1));
    await until(
      "it goes on",
      () => Promise.resolve(running.stdout.includes(`\n${last + 100}\n`)),
    );
    await Deno.writeTextFile(enough, "");
    const { code, stdout } = await running.end();

    assertEquals(code, ExitCode.ok);
    const count = stdout.split("\n").length - 1;
    const expected = [...Array(count).keys()].map((i) => `${i + 1}\n`).join("");
    assertEquals(stdout, expected);
    const shown = await fleet.manager("show", "2", "--output");
    assertEquals(shown.stdout, expected);
    const commands = await fleet.json("commands");
    assertEquals(
      commands.map(({ id, state }) => `${id} ${state}`),
      ["2 succeeded", "1 succeeded"],
    );
    const before = await fleet.manager("show", "1", "--output");
    assertEquals([before.code, before.stderr], [ExitCode.ok, ""]);
  },
);

story(
  "a command that ended while the Manager was away is reported when it is back",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const go = fleet.folder.at("go");
    const running = fleet.spawn(
      "run",
      "web-1",
      "--",
      ...program("waitForFile", go),
    );
    await running.printed(/ready\n/);
    await fleet.serving.kill();
    await fleet.agent("web-1").running.printed(
      /The connection ended/,
      "stderr",
    );

    await Deno.writeTextFile(go, "");
    await fleet.startManager();
    const { code, stdout } = await running.end();

    assertEquals(stdout, "ready\ndone\n");
    assertEquals(code, ExitCode.ok);
  },
);

story(
  "a command that must not outlive the connection is ended on its host",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const seconds = oddSeconds();
    const line = `echo begun; sleep ${seconds}`;
    const running = fleet.spawn(
      ...["run", "web-1", "--on-disconnect", "kill-after=100ms"],
      ...["--shell", line],
    );
    await running.printed(/begun\n/);

    await fleet.serving.kill();
    await untilProcesses(seconds, 1); // the command line itself
    await fleet.startManager();
    const { code, stderr } = await running.end();

    assertEquals(code, ExitCode.cancelled);
    assertMatch(stderr, /^web-1: cancelled.*: link lost/m);
  },
  { ignored: NEEDS_PROC },
);

story(
  "a stopped Manager announces its end, and its agents come back to it",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const { code } = await fleet.serving.stop();
    await fleet.agent("web-1").running.printed(
      /The Manager said Bye/,
      "stderr",
    );
    await fleet.startManager();
    await fleet.connected("web-1");

    assertEquals(code, ExitCode.ok);
    const { stdout } = await fleet.manager(
      "run",
      "web-1",
      "--",
      ...program("printAndExit", "back"),
    );
    assertEquals(stdout, "back\n");
  },
  { ignored: NEEDS_SIGNALS },
);

story(
  "commands of an agent that crashed are lost, and ended when it comes back",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const seconds = oddSeconds();
    const line =
      `echo begun; sleep ${seconds} & setsid sleep ${seconds} & wait`;
    const running = fleet.spawn("run", "web-1", "--shell", line);
    await running.printed(/begun\n/);
    await untilProcesses(seconds, 4); // the shell and its children, and the command line itself

    await fleet.agent("web-1").kill();
    await fleet.disconnected("web-1");
    const orphans = processesWith(seconds).length;
    fleet.agent("web-1").start();
    const { code, stdout } = await running.end();

    assertEquals(orphans, 4);
    assertEquals(code, ExitCode.lost);
    assertEquals(stdout, "begun\n");
    assertEquals(processesWith(seconds), []);
    const [shown] = await fleet.json<
      {
        state: string;
        presumed: boolean;
        reaped: { signalled: number; alive: number[] } | null;
      }
    >("show", "1");
    assertEquals([shown?.state, shown?.presumed], ["lost", false]);
    assertEquals(shown?.reaped?.alive, []);
    assert((shown?.reaped?.signalled ?? 0) >= 3);
    await fleet.connected("web-1");
  },
  { ignored: NEEDS_PROC },
);

story(
  "a stopped agent ends its commands, and reports that",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const running = fleet.spawn(
      "run",
      "web-1",
      "--",
      ...program("sleep", "600"),
    );
    await running.printed(/ready\n/);

    await fleet.agent("web-1").stop();
    const { code, stderr } = await running.end();

    assertEquals(code, ExitCode.failed);
    assertMatch(stderr, /^web-1: failed.*agent stopped/m);
    const [shown] = await fleet.json("show", "1");
    assertEquals([shown?.["state"], shown?.["presumed"]], ["failed", false]);
    await fleet.disconnected("web-1");
  },
  { ignored: NEEDS_SIGNALS },
);
