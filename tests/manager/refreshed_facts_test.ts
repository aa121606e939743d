import { assertEquals } from "@std/assert";
import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager } from "../support/memory_manager.ts";

/** Facts of an agent after a command of it has ended with this data. */
async function factsAfter(
  data: string,
  { operation = "agent.Facts", status = CommandResult_Status.SUCCESS } = {},
): Promise<Readonly<Record<string, string>>> {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1", {
    facts: { os: "linux", operations: `${operation} echo.Echo` },
  });
  const { id } = await core.run("web-1", { operation });
  await agent.hears("command");
  await agent.says("result", {
    commandId: id,
    status,
    data: new TextEncoder().encode(data),
  });
  await core.clock.settle();
  const [view] = await core.agents.list();
  assertEquals(core.roster.get("web-1")?.facts, view?.facts);
  return view?.facts ?? {};
}

Deno.test("facts that an agent collected anew replace those of its hello, but its operations stay", async () => {
  assertEquals(
    await factsAfter('{"os":"linux","cpus":"8","operations":"x","n":1}'),
    { operations: "agent.Facts echo.Echo", os: "linux", cpus: "8" },
  );
});

Deno.test("a result that is no list of facts, or is not of agent.Facts, changes nothing", async () => {
  const operations = "agent.Facts echo.Echo";
  const before = { os: "linux", operations };

  assertEquals(await factsAfter("[]x"), before);
  assertEquals(await factsAfter("3"), before);
  assertEquals(
    await factsAfter(JSON.stringify({ big: "x".repeat(17_000) })),
    before,
  );
  assertEquals(
    await factsAfter("{}", { status: CommandResult_Status.FAILED }),
    before,
  );
  assertEquals(await factsAfter("{}", { operation: "echo.Echo" }), {
    os: "linux",
    operations: "echo.Echo echo.Echo",
  });
});
