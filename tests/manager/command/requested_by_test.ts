import { assertEquals } from "@std/assert";
import { MemoryManager } from "../../support/memory_manager.ts";

const ASKERS = [
  [{ requestedBy: "anna", saidBy: "anna" }, "anna"],
  [{ requestedBy: "root (sudo: anna)", saidBy: "root" }, "root (sudo: anna)"],
  [{ requestedBy: "local", saidBy: "ben" }, 'local (says "ben")'],
  [{ requestedBy: "local", saidBy: "" }, "local"],
  [{ requestedBy: "anna" }, "anna"],
] as const;

/** Texts of the events of some kinds. */
async function told(
  core: MemoryManager,
  ...kinds: readonly string[]
): Promise<string[]> {
  return (await core.happened())
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ message }) => message);
}

for (const [asker, text] of ASKERS) {
  Deno.test(`an agent is told that a command is asked for by ${text}, and so are events and why`, async () => {
    await using core = await MemoryManager.start();
    await core.knows("web-1");
    const agent = await core.admitted("web-1");
    const { id } = await core.run("web-1", asker);

    assertEquals((await agent.hears("command")).requestedBy, text);
    assertEquals(await told(core, "run"), [
      `"echo.Echo" on "web-1" by ${text}`,
    ]);
    const { entries } = await core.commands.timeline(id);
    assertEquals(entries[0]?.text, `asked for by ${text}`);
  });
}

Deno.test("a legacy agent is not told who asks", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admittedOld("web-1");
  await core.run("web-1", { requestedBy: "anna" });

  assertEquals((await agent.hears("command")).requestedBy, "");
});

Deno.test("the record keeps the evidence and the claim apart, of the request and of its cancel", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1");
  const { id } = await core.run("web-1", {
    requestedBy: "local",
    saidBy: "anna",
  });
  await core.commands.cancel(id, {
    requestedBy: "root (sudo: ben)",
    saidBy: "ben",
  });
  await core.commands.cancel(id, { requestedBy: "local", saidBy: "eve" });

  const record = await core.store.command(id);
  assertEquals(
    [
      record?.requestedBy,
      record?.saidBy,
      record?.cancelRequestedBy,
      record?.cancelSaidBy,
    ],
    ["local", "anna", "root (sudo: ben)", "ben"],
  );
});

Deno.test("a cancel, a repetition and a giving up name who asks for them, with the claim", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1");
  const first = await core.run("web-1");
  await core.commands.cancel(first.id, {
    graceMs: 0,
    requestedBy: "local",
    saidBy: "ben",
  });
  await core.commands.giveUp(first.id, {
    requestedBy: "local",
    saidBy: "anna",
  });
  const given = await core.store.command(first.id);
  assertEquals([given?.givenUpBy, given?.givenUpSaidBy], ["local", "anna"]);
  const again = { requestId: "again", requestedBy: "local", saidBy: "eve" };
  const { id, requestedBy, saidBy } = await core.commands.rerun(
    first.id,
    again,
  );

  assertEquals([requestedBy, saidBy], ["local", "eve"]);
  assertEquals(await told(core, "command_given_up", "command_rerun"), [
    `command ${first.id} on "web-1" is given up by local (says "anna")`,
    `command ${first.id} on "web-1" is repeated as command ${id} by local (says "eve")`,
  ]);
  const { entries } = await core.commands.timeline(first.id);
  assertEquals(
    entries.filter(({ kind }) => kind === "cancel_requested")
      .map(({ text }) => text),
    ['cancel requested by local (says "ben"), 0 ms between SIGTERM and SIGKILL'],
  );
});

Deno.test("events name who adds and removes an agent, and who makes its token", async () => {
  await using core = await MemoryManager.start();
  const asker = { requestedBy: "root (sudo: anna)", saidBy: "root" };
  const entry = { groups: [], cidrs: [] };
  await core.agents.add({ id: "web-1", ...entry }, asker);
  await core.agents.renewToken("web-1", undefined, asker);
  await core.agents.remove("web-1", { asker });
  await core.agents.addWithSecret(
    { id: "old-1", ...entry, secretHash: new Uint8Array(32) },
    asker,
  );

  assertEquals(
    await told(core, "agent_added", "agent_token", "agent_removed"),
    [
      'agent "web-1" was added by root (sudo: anna)',
      'a new join token was made for agent "web-1" by root (sudo: anna)',
      'agent "web-1" was removed by root (sudo: anna)',
      'agent "old-1" was added by root (sudo: anna)',
    ],
  );
});
