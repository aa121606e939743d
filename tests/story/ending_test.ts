import { assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import {
  oddSeconds,
  processesWith,
  untilProcesses,
} from "../support/processes.ts";
import { program } from "../support/program.ts";
import { NEEDS_PROC, NEEDS_SIGNALS, story } from "../support/story.ts";

/**
 * A shell with four processes below it: one in its group, one below another shell, one that has left for a session of
 * its own, and one that has also removed its environment.
 */
function family(seconds: string): string {
  return [
    `sleep ${seconds} &`,
    `(sleep ${seconds}; true) &`,
    `setsid sleep ${seconds} &`,
    `setsid env -i /bin/sleep ${seconds} &`,
    "wait",
  ].join("\n");
}

// The sleepers, and the two shells with the line as their argument.
const FAMILY = 6;

story(
  "cancel ends a shell with all its processes, even those that have left its group",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const seconds = oddSeconds();
    const running = fleet.spawn("run", "web-1", "--shell", family(seconds));
    await untilProcesses(seconds, FAMILY + 1); // and the command line itself

    const cancel = await fleet.manager("cancel", "1");
    const { code, stderr } = await running.end();

    assertEquals(cancel.code, ExitCode.ok);
    assertEquals(code, ExitCode.cancelled);
    assertMatch(stderr, /^web-1: cancelled/m);
    assertEquals(processesWith(seconds), []);
    const [shown] = await fleet.json<{ reaped: { alive: number[] } | null }>(
      "show",
      "1",
    );
    assertEquals(shown?.reaped?.alive, []);
  },
  { ignored: NEEDS_PROC },
);

story("a timeout ends the whole tree on the host", async (executables) => {
  await using fleet = await startFleet(executables, { agents: ["web-1"] });
  const seconds = oddSeconds();

  const { code, stderr } = await fleet.manager(
    "run",
    "web-1",
    "--timeout",
    "1s",
    "--shell",
    family(seconds),
  );

  assertEquals(code, ExitCode.timedOut);
  assertMatch(stderr, /^web-1: timed out after 1 ?s/m);
  assertEquals(processesWith(seconds), []);
}, { ignored: NEEDS_PROC });

story(
  "Ctrl-C cancels the command and waits for its result",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const running = fleet.spawn(
      "run",
      "web-1",
      "--",
      ...program("sleep", "600"),
    );
    await running.printed(/ready\n/);

    running.signal("SIGINT");
    const { code, stderr } = await running.end();

    assertEquals(code, ExitCode.cancelled);
    assertMatch(stderr, /cancelling command 1…[^]*web-1: cancelled/);
    const [shown] = await fleet.json("show", "1");
    assertEquals(shown?.["state"], "cancelled");
  },
  { ignored: NEEDS_SIGNALS },
);

story(
  "a second Ctrl-C stops waiting, and the cancel stands: another can only shorten its grace",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("sleepIgnoringTerm", "600");
    const running = fleet.spawn("run", "web-1", "--", ...argv);
    await running.printed(/ready\n/);
    running.signal("SIGINT");
    await running.printed(/cancelling command 1…/, "stderr");
    await fleet.state(
      "1",
      ({ cancelRequestedAt }) => cancelRequestedAt !== null,
    );

    running.signal("SIGINT");
    const { code, stderr } = await running.end();
    // The program ignores SIGTERM: nobody has to wait for the full grace.
    await fleet.manager("cancel", "1", "--grace", "1ms");
    const watched = await fleet.manager("watch", "1");

    assertEquals(code, ExitCode.cancelled);
    assertMatch(
      stderr,
      /Stopped waiting for command 1: cancel requested\n.*watch 1/,
    );
    assertEquals(watched.code, ExitCode.cancelled);
  },
  { ignored: NEEDS_SIGNALS },
);

story("an ended command cannot be cancelled", async (executables) => {
  await using fleet = await startFleet(executables, { agents: ["web-1"] });
  await fleet.manager("run", "web-1", "--op", "echo.Echo", "text=x");

  const { code, stderr } = await fleet.manager("cancel", "1");

  assertEquals(code, ExitCode.failed);
  assertMatch(stderr, /Cannot cancel command 1: it has ended, it is succeeded/);
});
