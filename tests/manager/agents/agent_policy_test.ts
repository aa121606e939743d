import { assertEquals } from "@std/assert";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const sha256 = new Uint8Array(32).fill(0xab);
const RULES = {
  mode: "rules",
  edition: "full",
  sha256,
  unlimited: true,
  error: "",
};
const ALL = { ...RULES, mode: "all", sha256: new Uint8Array() };

async function policyFactsOf(core: MemoryManager) {
  const [view] = await core.agents.list();
  return Object.fromEntries(
    Object.entries(view?.facts ?? {}).filter(([name]) => name !== "os"),
  );
}

async function policyEvents(core: MemoryManager): Promise<string[]> {
  await core.clock.settle();
  return (await core.happened()).filter(({ kind }) => kind === "agent_policy")
    .map(({ message }) => message);
}

Deno.test("an agent's hello tells its policy, and its own facts cannot claim another", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1", {
    facts: { os: "linux", "policy.mode": "observe", "policy.x": "y" },
    policy: RULES,
  });
  assertEquals(await policyFactsOf(core), {
    "policy.mode": "rules",
    "policy.sha256": "ab".repeat(32),
    "policy.unlimited": "true",
  });
});

Deno.test("a policy that is another than before is an event, by a hello as by a request", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const first = await core.admitted("web-1", { policy: ALL });
  first.hangUp();
  await core.clock.settle();
  const agent = await core.admitted("web-1", { policy: RULES, session: 2n });
  await agent.says("dataRequest", {
    requestId: 1n,
    type: "policy",
    data: JSON.stringify({
      mode: "none",
      edition: "observe",
      sha256: "cd".repeat(32),
      unlimited: false,
      error: 'Cannot read "policy.yaml": line 3',
    }),
  });
  const { ok } = await agent.hears("dataResponse");
  assertEquals(ok, true);
  assertEquals(await policyFactsOf(core), {
    "policy.mode": "none",
    "policy.edition": "observe",
    "policy.sha256": "cd".repeat(32),
    "policy.error": 'Cannot read "policy.yaml": line 3',
  });
  assertEquals(await policyEvents(core), [
    'agent "web-1" has another policy: rules, unlimited, SHA-256 abababababab, after all',
    'agent "web-1" has another policy: none, so nothing is allowed, edition observe, SHA-256 cdcdcdcdcdcd, Cannot read "policy.yaml": line 3, after rules, unlimited, SHA-256 abababababab',
  ]);
});

Deno.test("facts that are collected anew leave those about the policy as they are", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1", { policy: RULES });
  const { id } = await core.run("web-1", { operation: "agent.Facts" });
  await agent.hears("command");
  await agent.says("result", {
    commandId: id,
    status: CommandResult_Status.SUCCESS,
    data: new TextEncoder().encode('{"os":"linux","policy.mode":"observe"}'),
  });
  await core.clock.settle();
  assertEquals((await policyFactsOf(core))["policy.mode"], "rules");
});

Deno.test("a request with something else than a policy is refused, and changes nothing", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1", { policy: RULES });
  for (const data of ["", "[]", '{"mode":1}', "x"]) {
    await agent.says("dataRequest", { requestId: 1n, type: "policy", data });
    assertEquals((await agent.hears("dataResponse")).ok, false);
  }
  assertEquals((await policyFactsOf(core))["policy.mode"], "rules");
});
