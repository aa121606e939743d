import { assertEquals, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import { story } from "../support/story.ts";

story(
  "targets names agents that are away, too, after a restart of the Manager as well",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
      groups: { "web-1": ["web"], "web-2": ["web"] },
    });
    await fleet.agent("web-2").stop();
    await fleet.disconnected("web-2");
    const before = await fleet.manager("targets", "web-*");
    await fleet.serving.stop();
    await fleet.startManager();
    const after = await fleet.manager("targets", "@web & name=web-*");
    const unknown = await fleet.manager("targets", "web-[1-3]");

    assertEquals(before.stdout, "web-[1-2]\n");
    assertStringIncludes(before.stderr, "2 agents, 1 of them away: web-2");
    assertEquals([after.code, after.stdout], [ExitCode.ok, "web-[1-2]\n"]);
    assertEquals(unknown.code, ExitCode.notFound);
    assertStringIncludes(unknown.stderr, 'there is no agent "web-3"');
  },
);

story(
  "facts of the host's own and those that were set choose agents, and are collected anew",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
    });
    const { dir } = fleet.agent("web-1");
    await Deno.mkdir(`${dir}/facts.d`);
    await Deno.writeTextFile(`${dir}/facts.d/a.yaml`, "rack: { row: 4 }\n");

    const before = await fleet.manager("targets", "rack.row=4");
    const refreshed = await fleet.manager("facts", "refresh", "all");
    // The Manager takes the facts over just after the command has ended.
    await until(
      "the new fact is known",
      async () => (await fleet.known("web-1"))?.facts["rack.row"],
    );
    const after = await fleet.manager("targets", "rack.row>=4");
    const set = await fleet.manager("agent", "set", "all", "--fact", "role=db");
    const both = await fleet.manager("targets", "role=db ! rack.row=4");
    const retired = await fleet.manager("agent", "set", "web-2", "--retired");
    const left = await fleet.manager("targets", "all");

    assertEquals(before.code, ExitCode.notFound);
    assertEquals(refreshed.code, ExitCode.ok);
    assertEquals(after.stdout, "web-1\n");
    assertEquals(set.stdout, "changed 2 of 2 agents: web-[1-2]\n");
    assertEquals(both.stdout, "web-2\n");
    assertEquals(retired.code, ExitCode.ok);
    assertEquals(left.stdout, "web-1\n");
    assertStringIncludes(left.stderr, "left out as retired: 1 agent");
  },
);
