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
    "FACT  FROM     VALUE",
    "os    agent    linux",
    "role  manager  db",
    "",
  ]);
});

Deno.test("facts of several agents name the agent on each line, and are a JSON object each", async () => {
  const { stdout } = await see(["facts", "web-*"], { manager: manager() });
  assertEquals(stdout.split("\n"), [
    "AGENT  FACT  FROM     VALUE",
    "web-1  os    agent    linux",
    "web-1  role  manager  db",
    "web-2  os    agent    darwin",
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

Deno.test("facts refresh is a job of agent.Facts on all that are meant, those away among them", async () => {
  const fake = manager();
  const { code } = await start(["facts", "refresh", "web-*", "--detach"], {
    manager: fake,
  });

  assertEquals(await code, 0);
  assertEquals(
    fake.runs.map(({ targets, operation, params }) => [
      targets?.expressions,
      operation,
      params,
    ]),
    [[["web-*"], "agent.Facts", "{}"]],
  );
});
