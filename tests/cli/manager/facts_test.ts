import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { agent, command, FakeManager } from "../fake_manager.ts";
import { jsonLines, see, start } from "./start.ts";

/** A Manager of two agents, of which one is away. */
function manager(): FakeManager {
  const manager = new FakeManager();
  manager.targets = {
    targets: [{ name: "web-1", connected: true }, { name: "web-2" }],
  };
  manager.agents = [
    agent({
      id: "web-1",
      facts: { os: "linux", role: "db" },
      setFacts: { role: "db" },
    }),
    agent({ id: "web-2", facts: { os: "darwin" } }),
    agent({ id: "web-3" }),
  ];
  manager.commands = [
    command({ id: 7n, agent: "web-1", state: CommandState.SUCCEEDED }),
  ];
  return manager;
}

Deno.test("facts lists the facts of one agent, and marks those that operators set", async () => {
  const fake = manager();
  fake.targets = { targets: [{ name: "web-1", connected: true }] };

  const { code, stdout } = await see(["facts", "web-1"], { manager: fake });

  assertEquals(code, 0);
  assertEquals(stdout.split("\n"), [
    "FACT  VALUE  FROM",
    "os    linux  agent",
    "role  db     manager",
    "",
  ]);
});

Deno.test("facts of several agents name the agent on each line, and are a JSON object each", async () => {
  const { stdout } = await see(["facts", "web-*"], { manager: manager() });
  assertEquals(stdout.split("\n"), [
    "AGENT  FACT  VALUE   FROM",
    "web-1  os    linux   agent",
    "web-1  role  db      manager",
    "web-2  os    darwin  agent",
    "",
  ]);

  const json = await see(["facts", "web-*", "--json"], { manager: manager() });
  assertEquals(jsonLines(json.stdout), [
    {
      id: "web-1",
      facts: { os: "linux", role: "db" },
      setFacts: { role: "db" },
    },
    { id: "web-2", facts: { os: "darwin" }, setFacts: {} },
  ]);
});

Deno.test("facts refresh runs agent.Facts on those that are connected, and ends with 3 if others are away", async () => {
  const { code, manager: fake, terminal } = await start(
    ["facts", "refresh", "web-*"],
    { manager: manager() },
  );
  fake.watch.state(
    command({ id: 7n, agent: "web-1", state: CommandState.SUCCEEDED }),
  ).end();

  assertEquals(await code, 3);
  assertEquals(
    fake.runs.map(({ agents, operation, params }) => [
      agents,
      operation,
      params,
    ]),
    [[["web-1"], "agent.Facts", "{}"]],
  );
  assertEquals(fake.selections.map((each) => each?.expressions), [["web-*"]]);
  assertEquals(
    terminal.stderr.text.split("\n").slice(-3),
    [
      "collected anew: web-1",
      "1 agent away, whose facts come when they connect: web-2",
      "",
    ],
  );
});
