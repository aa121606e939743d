import { assertEquals, assertMatch } from "@std/assert";
import {
  CommandResult_Status,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { parsePolicy } from "../../../lib/agent/policy/policy.ts";
import { Dialects } from "../../../lib/wire/dialect.ts";
import { MANAGER, MemoryAgent, resultOf } from "../../support/memory_agent.ts";

/** The Manager of these tests, over a new connection. */
const AGAIN = {
  managerId: MANAGER,
  dialect: Dialects.current,
  mayBegin: () => true,
  hasCancelOf: () => false,
};

async function holding(
  init: Parameters<MemoryAgent["accepted"]>[0] = { commandId: 5n },
) {
  const agent = await MemoryAgent.start();
  agent.mayBegin = false;
  const entry = await agent.accepted(init);
  return { agent, entry };
}

Deno.test("a command whose connection ends before it begins waits for the next ServerHello", async () => {
  const { agent, entry } = await holding();
  await using _ = agent;

  assertEquals(agent.workers.jobs.length, 0);
  assertEquals(entry.state, "accepted");
  agent.runner.release(AGAIN, [6n]);
  await agent.clock.settle();
  assertEquals(agent.workers.jobs.length, 1);
  assertEquals(entry.state, "running");
});

async function useRules(agent: MemoryAgent, rules: string): Promise<void> {
  agent.policy.use({
    policy: await parsePolicy(rules, "policy.yaml"),
    sha256: "",
    error: "",
  });
}

const FILE = { type: "file.Stat", data: JSON.stringify({ path: "/srv/x" }) };

Deno.test("a command that waited is refused if the policy allows it no more", async () => {
  const { agent, entry } = await holding({ commandId: 5n, ...FILE });
  await using _ = agent;

  await useRules(agent, 'mode: all\ndeny: [{ do: "file.*", path: "/srv/**" }]');
  agent.runner.release(AGAIN, []);
  await agent.clock.settle();

  assertEquals(agent.workers.jobs.length, 0);
  const { status, output } = resultOf(entry);
  assertEquals(status, CommandResult_Status.REFUSED);
  assertEquals(
    output,
    `Cannot run file.Stat "/srv/x" here: this agent's policy denies "/srv/**"`,
  );
  // The host's record has no arguments.
  const refused = agent.audit.lines.filter(({ event }) => event === "refused");
  assertEquals(refused.map((line) => "why" in line && line.why), [
    "the policy refuses it: deny 1",
  ]);
});

Deno.test("a command that waited has the bounds of the policy as it is when it begins", async () => {
  const { agent } = await holding({ commandId: 5n, ...FILE });
  await using _ = agent;

  await useRules(agent, 'mode: all\ndeny: [{ do: "file.*", path: "/etc/**" }]');
  agent.runner.release(AGAIN, []);
  await agent.clock.settle();

  assertEquals(agent.workers.newest.job.bounds?.deny, ["/etc/**"]);
});

Deno.test("a command that the next ServerHello names as cancelled never begins", async () => {
  const { agent, entry } = await holding();
  await using _ = agent;

  agent.runner.release(AGAIN, [5n]);
  await agent.clock.settle();
  assertEquals(agent.workers.jobs.length, 0);
  const { status, output, startedAtMs } = resultOf(entry);
  assertEquals(status, CommandResult_Status.CANCELLED);
  assertEquals(output, "it was cancelled before it began");
  assertEquals(startedAtMs, 0n);
});

Deno.test("a cancel that comes while the command is being marked as running wins", async () => {
  await using agent = await MemoryAgent.start();
  const accepted = agent.accept({ commandId: 5n });
  const cancel = { commandId: 5n, graceMs: 0 };
  while (!agent.runner.cancel({ ...cancel }, MANAGER)) {
    await Promise.resolve();
  }
  await accepted;
  assertEquals(agent.workers.jobs.length, 0);
  const entry = agent.journal.find(MANAGER, 5n);
  assertEquals(entry?.state, "finished");
});

Deno.test("a command that stood still while it was marked as running waits, and is listed as accepted", async () => {
  await using agent = await MemoryAgent.start();
  let asked = 0;
  const entry = agent.runner.accept(
    {
      commandId: 5n,
      nonce: 7n,
      type: "echo.Echo",
      data: "{}",
      onDisconnect: OnDisconnect.CONTINUE,
      statement: new Uint8Array(),
      signatures: [],
      requestedBy: "",
      survive: false,
    },
    { ...AGAIN, mayBegin: () => asked++ === 0 },
  );
  await entry;
  const kept = agent.journal.find(MANAGER, 5n);
  assertEquals(agent.workers.jobs.length, 0);
  assertEquals(kept !== undefined && agent.runner.isUnbegun(kept), true);
  agent.runner.release(AGAIN, []);
  await agent.clock.settle();
  assertEquals(agent.workers.jobs.length, 1);
});

Deno.test("a command that must not outlive its link does not begin after too long without one", async () => {
  const onDisconnect = OnDisconnect.KILL;
  const killAfterMs = 4_000;
  for (const [awayMs, begins] of [[3_999, true], [4_000, false]] as const) {
    const { agent, entry } = await holding({
      commandId: 5n,
      onDisconnect,
      killAfterMs,
    });
    await using _ = agent;
    await agent.clock.advance(awayMs);
    agent.runner.release(AGAIN, []);
    await agent.clock.settle();
    assertEquals([agent.workers.jobs.length === 1, awayMs], [begins, awayMs]);
    assertEquals(entry.state, begins ? "running" : "finished");
  }
});

Deno.test("a command of another Manager than the next one is refused", async () => {
  const { agent, entry } = await holding();
  await using _ = agent;

  agent.runner.release({ ...AGAIN, managerId: "manager-2" }, []);
  await agent.clock.settle();
  assertEquals(agent.workers.jobs.length, 0);
  const { status, output } = resultOf(entry);
  assertEquals(status, CommandResult_Status.REFUSED);
  assertMatch(output, /the agent has another Manager now/);
});

Deno.test("a command that waits when the agent stops is refused", async () => {
  const { agent, entry } = await holding();
  await using _ = agent;

  agent.runner.refuse("the agent stops");
  await agent.runner.stop();
  const { status, output } = resultOf(entry);
  assertEquals(status, CommandResult_Status.REFUSED);
  assertMatch(output, /the agent stops/);
});

Deno.test("a command of a legacy Manager does not wait: such a Manager would not know of it", async () => {
  await using agent = await MemoryAgent.start();
  agent.mayBegin = false;

  await agent.accepted({
    commandId: 5n,
    type: "echo.Echo",
    data: '{"message": "a"}',
  }, "");
  assertEquals(agent.workers.jobs.length, 1);
});

Deno.test("a command that waited when its agent was killed is refused by its successor", async () => {
  const { agent } = await holding();
  await using _ = agent;

  await using later = await agent.restarted();
  await later.runner.settlePast();
  const entry = later.journal.find(MANAGER, 5n);
  assertEquals(
    entry && resultOf(entry).status,
    CommandResult_Status.REFUSED,
  );
});
