import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { Laptop } from "../support/laptop.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

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
