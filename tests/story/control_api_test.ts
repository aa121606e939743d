import { assertEquals } from "@std/assert";
import { post } from "../support/control.ts";
import { startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import { NEEDS_UNIX_SOCKETS, story } from "../support/story.ts";

story(
  "any client of HTTP and JSON can run a command and see its end",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const agents = await post(fleet.dir, "AgentsService/ListAgents", {});
    const ran = await post(fleet.dir, "CommandsService/Run", {
      agents: ["web-1"],
      operation: "echo.Echo",
      params: '{"text":"hello"}',
      requestId: "one and only",
    });
    const again = await post(fleet.dir, "CommandsService/Run", {
      agents: ["web-1"],
      operation: "echo.Echo",
      params: '{"text":"hello"}',
      requestId: "one and only",
    });
    const command = await until("it has ended", async () => {
      const { json } = await post(fleet.dir, "CommandsService/GetCommand", {
        commandId: "1",
      });
      const { command } = json as { command: Record<string, unknown> };
      return command["finishedAtMs"] !== undefined && command;
    });

    assertEquals(agents.status, 200);
    const [agent] =
      (agents.json as { agents: Record<string, unknown>[] }).agents;
    assertEquals([agent?.["id"], agent?.["connected"]], ["web-1", true]);
    assertEquals(ran.status, 200);
    assertEquals(
      (again.json as { job: string }).job,
      (ran.json as { job: string }).job,
    );
    assertEquals(command["state"], "COMMAND_STATE_SUCCEEDED");
    assertEquals((await fleet.json("commands")).length, 1);
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);

story(
  "an error of the control API is a status, a code and a sentence",
  async (executables) => {
    await using fleet = await startFleet(executables);

    const { status, json } = await post(
      fleet.dir,
      "CommandsService/GetCommand",
      { commandId: "7" },
    );

    assertEquals(status, 404);
    assertEquals(json, {
      code: "not_found",
      message: "Cannot find command 7: there is none of that id",
    });
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);
