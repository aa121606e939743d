import { assertEquals } from "@std/assert";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { parsePolicy } from "../../../lib/agent/policy/policy.ts";
import { MemoryAgent, resultOf } from "../../support/memory_agent.ts";

async function agentWith(policy: string): Promise<MemoryAgent> {
  const agent = await MemoryAgent.start();
  agent.policy.use({
    policy: await parsePolicy(policy, "policy.yaml"),
    sha256: "",
    error: "",
  });
  return agent;
}

const run = (...argv: string[]) => ({
  type: "command.Run",
  data: JSON.stringify({ argv }),
});

Deno.test({
  name: "a command that no rule allows is refused before it is in the journal",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using agent = await agentWith(
      'mode: rules\nallow: [{ do: command.Run, argv: ["/bin/true"] }]',
    );
    const { status, output, data } = await agent.refused({
      commandId: 3n,
      ...run("bash", "-c", "secret words"),
    });
    assertEquals(status, CommandResult_Status.REFUSED);
    assertEquals(
      output,
      `Cannot run command.Run ["bash","-c","secret words"] here: under rules, a program is named by its full path, because PATH is not searched; "bash" is none`,
    );
    assertEquals(new TextDecoder().decode(data), '{"errorCode":"REFUSED"}');
    assertEquals(agent.journal.lastCommandId, 0n);
    assertEquals(agent.journal.entries(), []);
    // The host's record has no arguments, as for every command.
    assertEquals(
      agent.audit.lines.map((line) => ("why" in line ? line.why : line.event)),
      ["the policy refuses it: mode: rules"],
    );
    await agent.accepted({ commandId: 4n, ...run("/bin/true") });
    agent.workers.newest.ends();
  },
});

Deno.test("a command that a rule allows takes the bounds of its files to its thread", async () => {
  await using agent = await agentWith(
    'mode: observe\nallow: [{ do: "file.*", path: "/srv/**" }]\ndeny: [{ do: "file.*", path: "/srv/x" }]',
  );
  const stat = (path: string) => ({
    type: "file.Stat",
    data: JSON.stringify({ path }),
  });
  await agent.accepted({ commandId: 1n, ...stat("/srv/site") });
  assertEquals(agent.workers.newest.job.bounds, {
    own: undefined,
    allow: ["/srv/**"],
    deny: ["/srv/x"],
    programs: false,
  });
  agent.workers.newest.ends();
  const { output } = await agent.refused({
    commandId: 2n,
    ...stat("/srv/x/y"),
  });
  assertEquals(
    output,
    `Cannot run file.Stat "/srv/x/y" here: this agent's policy denies "/srv/x"`,
  );
});

Deno.test("a policy limits how many commands run, how long, and how much they print", async () => {
  await using agent = await agentWith(
    "mode: all\nmost: { concurrent: 2, output: 1KiB, timeout: 1m }",
  );
  const first = await agent.accepted({ commandId: 1n });
  const long = agent.workers.newest;
  const second = await agent.accepted({ commandId: 2n });
  const { output } = await agent.refused({ commandId: 3n });
  assertEquals(
    output,
    "Cannot accept command 3: busy, 2 commands are running, which is the limit of this agent's policy",
  );
  await agent.workers.newest.prints("x".repeat(1_024));
  assertEquals(agent.workers.newest.asked, []);
  await agent.workers.newest.prints("x");
  assertEquals(agent.workers.newest.asked, ["stop"]);
  agent.workers.newest.ends();
  await agent.clock.advance(60_000);
  assertEquals(long.asked, ["stop"]);
  long.ends();
  await agent.clock.settle();
  assertEquals(
    [first, second].map((entry) => {
      const { status, output } = resultOf(entry);
      return [status, output];
    }),
    [
      [
        CommandResult_Status.TIMED_OUT,
        "it took longer than this agent's policy allows",
      ],
      [
        CommandResult_Status.FAILED,
        "it printed more than this agent's policy allows",
      ],
    ],
  );
});
