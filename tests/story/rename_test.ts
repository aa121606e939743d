import { assertEquals } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { until } from "../../scripts/local/until.ts";
import { startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

/** Name in the configuration of an agent. */
async function nameOf({ configPath }: { configPath: string }): Promise<string> {
  const text = await Deno.readTextFile(configPath);
  return /^name: "?([^"\n]*)"?$/m.exec(text)?.[1] ?? "";
}

story(
  "a renamed agent comes back by its new name, with its history, and keeps the name",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
    });
    const agent = fleet.agent("web-1");
    const away = fleet.agent("web-2");
    const run = (name: string) =>
      fleet.manager("run", name, "--", ...program("printAndExit", "hi", "0"));
    await run("web-1");
    await away.stop();
    await fleet.disconnected("web-2");

    const renamed = await fleet.manager("agent", "rename", "web-1", "shop-1");
    await fleet.manager("agent", "rename", "web-2", "shop-2");
    await fleet.connected("shop-1");
    const after = await run("shop-1");
    const commands = await fleet.json<{ agent: string }>("commands");
    await agent.stop();
    agent.start();
    away.start();
    await fleet.connected("shop-1", "shop-2");
    const former = await run("web-1");

    assertEquals([renamed.code, after.code, after.stdout], [0, 0, "hi\n"]);
    assertEquals(commands.map((each) => each.agent), ["shop-1", "shop-1"]);
    await until(
      "the agents have kept their names",
      async () =>
        await nameOf(agent) === "shop-1" && await nameOf(away) === "shop-2",
    );
    assertEquals(former.code, ExitCode.notFound, former.stderr);
    assertEquals(await fleet.known("web-1"), undefined);
  },
);
