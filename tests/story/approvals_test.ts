import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import type { Executables } from "../support/executables.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { LiveProgram } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

/** Laptop of an operator: a configuration folder with one login, and no state folder. */
class Laptop {
  private constructor(
    readonly name: string,
    readonly argv: readonly string[],
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async loggedIn(
    name: string,
    line: string,
    { manager: argv }: Executables,
    fleet: Fleet,
  ): Promise<Laptop> {
    const home = fleet.folder.at(`laptop of ${name}`);
    const laptop = new Laptop(name, argv, {
      NO_COLOR: "1",
      HOME: home,
      XDG_CONFIG_HOME: `${home}/config`,
      XDG_STATE_HOME: `${home}/state`,
      APPDATA: home,
      LOCALAPPDATA: home,
    });
    const { code, stderr } = await laptop.does(
      ...["login", "--name", "fleet", line],
    );
    assertEquals([code, stderr], [ExitCode.ok, ""]);
    return laptop;
  }

  start(...args: string[]): LiveProgram {
    const env = { ...this.env, PIRI_MANAGER: "fleet" };
    return new LiveProgram(`${this.name}: ${args[0]}`, [
      ...this.argv,
      ...args,
    ], args[0] === "login" ? this.env : env);
  }

  async does(...args: string[]) {
    await using ran = this.start(...args);
    return await ran.end();
  }
}

story(
  "a command of one operator runs once another one approves of it, and not by the own word",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      managerConfig: { control: "127.0.0.1:0" },
    });
    const laptop = async (name: string) => {
      const [added] = await fleet.json(
        ...["operator", "add", name, "--role", "operator"],
      );
      return await Laptop.loggedIn(
        name,
        String(added?.["login"]),
        executables,
        fleet,
      );
    };
    const alice = await laptop("alice");
    const bob = await laptop("bob");
    for (const [name, ...more] of [["alice", "--approve", "1"], ["bob"]]) {
      await fleet.manager(
        ...["rule", "add", name ?? "", "allow", "--on", "web-*"],
        ...["--do", "command.Run", ...more],
      );
    }

    await using waiting = alice.start(
      ...["run", "web-1", "--", ...program("printLines", "2")],
    );
    await waiting.printed(/Waiting for approval a-1: /, "stderr");
    const own = await alice.does("approve", "a-1");
    const listed = await bob.does("approval", "list");
    const approved = await bob.does("approve", "a-1", "--note", "go");
    const ended = await waiting.end();
    await using second = alice.start(
      ...["run", "web-1", "--", ...program("printLines", "2")],
    );
    await second.printed(/Waiting for approval a-2: /, "stderr");
    const rejected = await bob.does("reject", "a-2", "not today");
    const refused = await second.end();

    assertEquals(own.code, ExitCode.refused);
    assertStringIncludes(own.stderr, '"alice" asked for it');
    assertMatch(listed.stdout, /^ID .*\na-1 +waiting +0 of 1 +alice /);
    assertEquals(approved.stdout, "approved a-1: it has become job j-1\n");
    assertEquals(ended.code, ExitCode.ok);
    assertStringIncludes(ended.stderr, "a-1 is approved by bob: job j-1\n");
    assertEquals(rejected.code, ExitCode.ok);
    assertEquals(refused.code, ExitCode.refused);
    assertStringIncludes(refused.stderr, "not today");
    assertEquals((await fleet.json("commands")).length, 1);
  },
);
