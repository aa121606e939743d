import { assertEquals } from "@std/assert";
import { OutputStream } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { parseJoinToken } from "../../lib/base/join_token.ts";
import { MemoryManager } from "../support/memory_manager.ts";

const CHANGED = {
  addresses: ["new.example:7051"],
  pingIntervalMs: 2_000,
  keepBytes: 400n,
};

Deno.test("a changed limit of kept output holds for a command that runs already", async () => {
  await using core = await MemoryManager.start({ keepBytes: 4n });
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  const print = async (offset: bigint, text: string) => {
    await agent.says("commandOutput", {
      commandId: id,
      stream: OutputStream.STDOUT,
      offset,
      bytes: new TextEncoder().encode(text),
    });
    await agent.hears("commandAck");
  };
  await print(0n, "abc");
  await print(3n, "def");
  await core.adopt(CHANGED);
  await print(6n, "ghi");

  assertEquals(await core.output(id), "adefghi");
});

Deno.test("a changed ping interval is told to agents that connect from then on", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("web-2");
  const before = await core.hello("web-1");
  const first = await before.hears("serverHello");
  await core.adopt(CHANGED);
  const after = await core.hello("web-2");
  const second = await after.hears("serverHello");

  assertEquals([first.pingIntervalMs, second.pingIntervalMs], [15_000, 2_000]);
});

Deno.test("a changed address is in new join tokens", async () => {
  await using core = await MemoryManager.start();
  const entry = { groups: [], cidrs: [] };
  const before = await core.agents.add({ id: "web-1", ...entry });
  await core.adopt(CHANGED);
  const after = await core.agents.add({ id: "web-2", ...entry });

  assertEquals(
    [before, after].map((token) => parseJoinToken(token).addresses),
    [["mgr:7051"], ["new.example:7051"]],
  );
});
