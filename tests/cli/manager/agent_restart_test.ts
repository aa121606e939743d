import { assertEquals, assertStringIncludes } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { see } from "./start.ts";

function manager(): FakeManager {
  const manager = new FakeManager();
  manager.targets = { targets: [{ name: "web-1", connected: true }] };
  manager.commands = [
    command({ id: 7n, agent: "web-1", state: CommandState.SUCCEEDED }),
  ];
  return manager;
}

Deno.test("agent restart is a job with limits, and waits until agents are idle or does not", async () => {
  const asked = [];
  for (
    const flags of [[], ["--when-idle", "30m", "--batch", "1"], ["--now"]]
  ) {
    const fake = manager();
    const words = ["agent", "restart", "web-1", "--detach", ...flags];
    const { code } = await see(words, { manager: fake });
    for (const { operation, params = "", limits } of fake.runs) {
      const { batch } = limits ?? {};
      asked.push([code, operation, JSON.parse(params), batch?.share?.value]);
    }
  }
  assertEquals(asked, [
    [0, "agent.Restart", { when: "idle" }, undefined],
    [0, "agent.Restart", { when: "idle", withinMs: 1_800_000 }, 1],
    [0, "agent.Restart", { when: "now" }, undefined],
  ]);
});

Deno.test("agent restart does not both wait and not wait", async () => {
  const words = ["agent", "restart", "web-1", "--now", "--when-idle", "1m"];
  const { code, stderr } = await see(words, { manager: manager() });
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'Cannot use "--now" with "--when-idle"');
});
