import { assertEquals, assertMatch } from "@std/assert";
import { stringify } from "yaml";
import { startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { commandLines } from "../support/search_files.ts";
import { NEEDS_PROC, story } from "../support/story.ts";

/** State with a file, steps that fail or last, and a reaction to the file behind them. */
function stateWith(host: string, go: string): string {
  const config = { path: `${host}/config`, content: "new\n" };
  const log = `${host}/log`;
  return stringify([
    { Config: { type: "file.Installed", ...config } },
    { Check: { type: "command.Run", command: `test -e ${host}/fixed` } },
    { Wait: { type: "command.Run", argv: program("waitForFile", go) } },
    {
      Restart: {
        type: "command.Run",
        command: `echo restarted >> ${log}`,
        onchanges: "Config",
      },
    },
  ]);
}

story(
  "a restart that a failed step left owed happens later, though the agent was killed twice",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const host = fleet.folder.at("host");
    await Deno.mkdir(host);
    const go = fleet.folder.at("go");
    await fleet.folder.write("m/states/all/web.yaml", stateWith(host, go));
    const agent = fleet.agent("web-1");
    const killed = async () => {
      await agent.kill();
      await fleet.disconnected("web-1");
      agent.start();
      await fleet.connected("web-1");
    };

    const failed = await fleet.manager("apply", "web", "web-1", "--yes");
    await killed();
    const owed = await fleet.json("owed", "web-1");
    await Deno.writeTextFile(`${host}/fixed`, "");
    await using cut = fleet.spawn("apply", "web", "web-1", "--yes");
    await until(
      "the third step runs",
      () => Promise.resolve(commandLines().includes(go)),
    );
    await killed();
    const lost = await cut.end();
    await Deno.writeTextFile(go, "");
    const planned = await fleet.manager("plan", "web", "web-1");
    const applied = await fleet.manager("apply", "web", "web-1", "--yes");
    const after = await fleet.manager("owed", "web-1");

    assertEquals([failed.code, lost.code, applied.code], [1, 8, 0]);
    assertEquals(
      owed.map(({ agent, step, cause }) => ({ agent, step, cause })),
      [{ agent: "web-1", step: "Restart", cause: "Config" }],
    );
    assertMatch(planned.stdout, /~ Restart: command runs, owed since /);
    assertEquals(planned.stdout.includes("Config"), false);
    assertEquals(await Deno.readTextFile(`${host}/log`), "restarted\n");
    assertEquals(after.stderr, "nothing is owed\n");
  },
  { ignored: NEEDS_PROC },
);
