import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { userInfo } from "node:os";
import { type Fleet, startFleet } from "../support/fleet.ts";
import type { Executables } from "../support/executables.ts";
import { LiveProgram } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { NEEDS_UNIX_SOCKETS, story } from "../support/story.ts";

interface Recorded {
  readonly id: string;
  readonly state: string;
  readonly exitCode: number | null;
  readonly requestedBy: string;
  readonly saidBy?: string | null;
}

/** Runs the Manager's command line with these variables. */
async function managerWith(
  env: Readonly<Record<string, string>>,
  { fleet, executables }: { fleet: Fleet; executables: Executables },
  ...args: string[]
): Promise<void> {
  const argv = [...executables.manager, "--dir", fleet.dir, ...args];
  await using manager = new LiveProgram("manager", argv, env);
  await manager.end();
}

/** Record of a host by its own command line. */
async function recordOf(fleet: Fleet, name: string): Promise<Recorded[]> {
  const { stdout } = await fleet.agent(name).cli("commands", "--json");
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

story(
  "a host tells what it did and for whom: running, without its Manager, and stopped",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const run = ["run", "web-1", "--", ...program("printAndExit", "hi", "3")];
    const site = { fleet, executables };
    await managerWith({ USER: "mallory", SUDO_USER: "anna" }, site, ...run);
    await managerWith({ USER: "mallory", SUDO_USER: "" }, site, ...run);
    const { username } = userInfo();
    const [asked] = await fleet.json<Recorded>("show", "1");
    const [claimed] = await fleet.json<Recorded>("show", "2");

    const running = await recordOf(fleet, "web-1");
    await fleet.serving.stop();
    const alone = await recordOf(fleet, "web-1");
    await fleet.agent("web-1").stop();
    const stopped = await recordOf(fleet, "web-1");
    const table = await fleet.agent("web-1").cli("commands");

    assertEquals([asked?.requestedBy, asked?.saidBy], [
      `${username} (sudo: anna)`,
      "mallory",
    ]);
    assertEquals([claimed?.requestedBy, claimed?.saidBy], [
      username,
      "mallory",
    ]);
    assertEquals(
      running.map(({ id, state, exitCode, requestedBy }) => [
        id,
        state,
        exitCode,
        requestedBy,
      ]),
      [
        ["2", "failed", 3, `${username} (says "mallory")`],
        ["1", "failed", 3, `${username} (sudo: anna) (says "mallory")`],
      ],
    );
    assertEquals([alone, stopped], [running, running]);
    assertMatch(table.stdout, /^ID +STATE +CREATED +TOOK +BY +WHAT\n2 +failed/);
    assertStringIncludes(
      fleet.agent("web-1").running.stderr,
      `requested by ${username} (sudo: anna) (says "mallory"): failed, exit code 3, after `,
    );
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);
