import { assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { STOP_SIGNALS } from "../../lib/cli/terminal.ts";
import type { Executables } from "../support/executables.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { type Ended, LiveProgram } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { NEEDS_SIGNALS, story } from "../support/story.ts";

const AGENTS = ["web-1", "web-2"];
const SLEEP = ["--", ...program("sleep", "600")];

/** Pipe whose reader has gone before the program starts: the named pipe in $0 tells so. */
const CLOSED = `mkfifo "$0"
{ read _ < "$0"; "$@"; echo "code $?" >&2; } | { exec <&-; echo > "$0"; }`;

/** Runs the Manager's command line within a line of the shell, as `"$@" | head -1`. $0 is a path that is free. */
async function inShell(
  line: string,
  { fleet, executables, args }: {
    fleet: Fleet;
    executables: Executables;
    args: readonly string[];
  },
): Promise<Ended> {
  const free = fleet.folder.at(crypto.randomUUID());
  await using shell = new LiveProgram(
    `sh: ${line}: ${args.join(" ")}`,
    ["/bin/sh", "-c", line, free, ...executables.manager].concat(
      ["--dir", fleet.dir, ...args],
    ),
  );
  return await shell.end();
}

/** States of the recorded commands, oldest first. */
async function statesIn(fleet: Fleet): Promise<unknown[]> {
  const commands = await fleet.json("commands");
  return commands.map(({ state }) => state).toReversed();
}

story(
  "each signal that ends a run on one and on several agents cancels, and says so",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: AGENTS });
    for (const signal of STOP_SIGNALS) {
      for (const agents of [["web-1"], AGENTS]) {
        // Output of several is printed at the end otherwise, and nobody would know that they run.
        const flags = agents.length > 1 ? ["--stream"] : [];
        const running = fleet.spawn("run", ...agents, ...flags, ...SLEEP);
        await running.printed(/ready\n(.*ready\n)?$/);
        running.signal(signal);
        const { code, stderr } = await running.end();

        assertEquals(code, ExitCode.cancelled);
        assertMatch(stderr, /cancelling (command \d+|job j-\d+)…/);
        for (const agent of agents) {
          assertMatch(stderr, new RegExp(`^${agent}: cancelled`, "m"));
        }
      }
    }

    assertEquals(await statesIn(fleet), Array(9).fill("cancelled"));
  },
  { ignored: NEEDS_SIGNALS },
);

story(
  "no signal to watch ends a command, and watch exits with 130",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    await fleet.manager("run", "web-1", "--detach", ...SLEEP);
    for (const signal of STOP_SIGNALS) {
      const watching = fleet.spawn("watch", "1");
      await watching.printed(/ready\n/);
      watching.signal(signal);
      const { code, stderr } = await watching.end();

      assertEquals(code, ExitCode.left);
      assertMatch(stderr, /Stopped watching command 1: what runs goes on\n/);
    }

    assertEquals(await statesIn(fleet), ["running"]);
  },
  { ignored: NEEDS_SIGNALS },
);

story(
  "run cancels when its output is closed or full, in one line and without a stack",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: AGENTS });
    const endless = ["--", ...program("printForEver")];
    const run = (line: string, ...agents: string[]) =>
      inShell(line, {
        fleet,
        executables,
        args: ["run", ...agents, ...endless],
      });

    const closed = '{ "$@"; echo "code $?" >&2; } | head -c 1';
    const one = await run(closed, "web-1");
    const several = await run(closed, ...AGENTS, "--stream");
    const full = await run('"$@" > /dev/full', "web-1");

    const end = "command \\d+ on web-1: cancelled, SIG[A-Z]+";
    assertMatch(
      one.stderr,
      new RegExp(
        `^Cannot write to standard output: it is closed; ${end}\ncode 7\n$`,
      ),
    );
    assertMatch(
      several.stderr,
      /^j-\d+: .*\n(web-\d: .*\n)*Cannot write to standard output: it is closed; job j-\d+: 2 cancelled\ncode 7\n$/,
    );
    assertMatch(
      full.stderr,
      new RegExp(
        `^Cannot write to standard output: no space is left on its device; ${end}\n$`,
      ),
    );
    assertEquals(full.code, ExitCode.cancelled);
    assertEquals(await statesIn(fleet), Array(4).fill("cancelled"));
  },
  { ignored: Deno.build.os === "linux" ? undefined : "it needs /dev/full" },
);

story(
  "lists and help end with 0 at a closed output, and with 1 and a line at a full one",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    await fleet.manager("run", "web-1", "--detach", ...SLEEP);
    const closed: string[] = [];
    const full: [number, string][] = [];
    for (
      const args of [
        ["commands"],
        ["events", "--follow"],
        ["agents", "--json"],
        ["show", "1"],
        ["run", "--help"],
      ]
    ) {
      const options = { fleet, executables, args };
      closed.push((await inShell(CLOSED, options)).stderr);
      const { code, stderr } = await inShell('"$@" > /dev/full', options);
      full.push([code, stderr.replace(/^.*(Cannot [^"\n]*).*\n$/, "$1")]);
    }

    assertEquals(closed, Array(5).fill("code 0\n"));
    assertEquals(
      full,
      Array(5).fill([
        1,
        "Cannot write to standard output: no space is left on its device",
      ]),
    );
  },
  { ignored: Deno.build.os === "linux" ? undefined : "it needs /dev/full" },
);

story(
  "a failure is named on stderr, and --exit-code passes the code of the program on",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const fail = ["--", ...program("printAndExit", "x", "42")];

    const plain = await fleet.manager("run", "web-1", ...fail);
    const passed = await fleet.manager("run", "web-1", "--exit-code", ...fail);
    const absent = await fleet.manager(
      ...["run", "web-1", "--exit-code", "--", "no-such-program"],
    );
    const nobody = await fleet.manager(
      ...["run", "no-such-agent", "--exit-code", ...fail],
    );

    const line = "web-1: failed, exit code 42\n";
    assertEquals([plain.code, plain.stderr], [ExitCode.failed, line]);
    assertEquals([passed.code, passed.stderr], [42, line]);
    assertEquals(absent.code, 255);
    assertMatch(absent.stderr, /^web-1: failed: Cannot start/);
    assertEquals(nobody.code, 255);
    assertMatch(
      nobody.stderr,
      /^error: Cannot find the targets "no-such-agent"/,
    );
  },
);
