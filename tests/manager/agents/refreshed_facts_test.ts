import { assertEquals } from "@std/assert";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

/** Facts of an agent after a command of it has ended with this data. */
async function factsAfter(
  data: string,
  {
    operation = "agent.Facts",
    status = CommandResult_Status.SUCCESS,
    installation = { kind: "", trial: "", target: "" },
  } = {},
): Promise<Readonly<Record<string, string>>> {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1", {
    facts: { os: "linux", operations: `${operation} echo.Echo` },
    installation,
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
  assertEquals(await factsAfter('["os"]'), before);
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

Deno.test("facts with which an agent refuses a state replace those of its hello", async () => {
  const { FAILED: status } = CommandResult_Status;
  const data = '{"facts":{"os":"plan9"}}';
  for (const operation of ["state.Plan", "state.Apply"]) {
    const operations = `${operation} echo.Echo`;
    const before = { operations, os: "linux" };

    assertEquals(await factsAfter(data, { operation, status }), {
      operations,
      os: "plan9",
    });
    assertEquals(await factsAfter(data, { operation }), before);
    assertEquals(
      await factsAfter('{"facts":["os"]}', { operation, status }),
      before,
    );
    assertEquals(
      await factsAfter('{"ok":1}', { operation, status }),
      before,
    );
  }
});

Deno.test("a hello tells of an installation and other facts do not, and a trial is over with the update", async () => {
  const installation = { kind: "slots", trial: "0.2.0", target: "linux-x64" };
  const facts = '{"installation.kind":"package","installation.trial":"9.9.9"}';
  const update = { operation: "agent.Update", installation };
  const own = {
    "installation.kind": "slots",
    "installation.target": "linux-x64",
  };

  assertEquals(await factsAfter(facts, { installation }), {
    operations: "agent.Facts echo.Echo",
    ...own,
    "installation.trial": "0.2.0",
  });
  assertEquals(await factsAfter("{}", update), {
    operations: "agent.Update echo.Echo",
    os: "linux",
    ...own,
  });
  const { FAILED: status } = CommandResult_Status;
  assertEquals(
    (await factsAfter("{}", { ...update, status }))["installation.trial"],
    "0.2.0",
  );
});

Deno.test("words of an installation that cannot be are no facts", async () => {
  const installation = { kind: "x".repeat(99), trial: "a b", target: "../x" };

  assertEquals(await factsAfter("{}", { operation: "a.B", installation }), {
    operations: "a.B echo.Echo",
    os: "linux",
  });
});
