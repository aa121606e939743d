import { assertEquals, assertRejects } from "@std/assert";
import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { JobFleet } from "../jobs/job_fleet.ts";
import { aRule } from "../../support/an_operator.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const ANN = { requestedBy: "ann", saidBy: "" };

/** Hello of an agent that still says its former name. */
function helloOf(name: string, secretOf = name) {
  return { clientId: name, auth: `secret of ${secretOf}` };
}

async function rename(
  core: MemoryManager,
  from: string,
  to: string,
): Promise<boolean> {
  const renamed = core.agents.rename(from, to, ANN);
  renamed.catch(() => {});
  // The end of a connection is looked for again and again.
  await core.clock.advance(1_000);
  return await renamed;
}

async function refusal(
  core: MemoryManager,
  from: string,
  to: string,
): Promise<string> {
  const { code, message } = await assertRejects(
    () => rename(core, from, to),
    PiriError,
  );
  return `${code} ${message}`;
}

Deno.test("an agent that says its former name is admitted by its new one, and learns it", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  assertEquals(await rename(core, "web-1", "shop-1"), false);

  const agent = await core.hello("web-1");
  assertEquals((await agent.hears("serverHello")).name, "shop-1");
  assertEquals(
    [core.fleet.session("shop-1")?.agent, core.fleet.session("web-1")],
    ["shop-1", undefined],
  );
  const command = core.run("shop-1");
  assertEquals((await agent.hears("command")).commandId, (await command).id);
  assertEquals(
    (await core.happened()).map(({ message }) => message)[0],
    [
      'agent "web-1" was renamed to "shop-1" by ann',
    ][0],
  );
});

Deno.test("a former name admits nobody with another secret, and the new one its own agent", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await rename(core, "web-1", "shop-1");

  const stranger = await core.hello("web-1", helloOf("web-1", "web-2"));
  assertEquals((await stranger.hears("bye")).code, Bye_Code.AUTH_FAILED);
  const agent = await core.hello("shop-1", helloOf("shop-1", "web-1"));
  assertEquals((await agent.hears("serverHello")).name, "shop-1");
});

Deno.test("agents that were never renamed are told no name", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1");

  assertEquals((await agent.hears("serverHello")).name, "");
});

Deno.test("a connected agent is asked to come back, and its absence is on the disk", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const renamed = core.agents.rename("web-1", "shop-1", ANN);
  const bye = await agent.hears("bye");
  agent.hangUp();
  await core.clock.advance(1_000);

  assertEquals(await renamed, true);
  assertEquals(
    [bye.code, bye.reason],
    [Bye_Code.SHUTDOWN, "the agent gets another name"],
  );
  const record = await core.store.agent("shop-1");
  assertEquals(record?.disconnectedAt !== null, true);
  assertEquals(core.roster.lists.all.map(({ name }) => name), ["shop-1"]);
});

Deno.test("a hello that waits while its agent is renamed is admitted by the new name", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const before = await core.admitted("web-1");
  const renamed = core.agents.rename("web-1", "shop-1", ANN);
  await before.hears("bye");
  const again = await core.hello("web-1");
  before.hangUp();
  await core.clock.advance(1_000);
  await renamed;

  assertEquals((await again.hears("serverHello")).name, "shop-1");
});

Deno.test("the former names still lead to the agent after a restart of the Manager", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await rename(core, "web-1", "shop-1");
  await rename(core, "shop-1", "mail-1");
  await using after = await core.restarted();

  for (const name of ["web-1", "shop-1"]) {
    const agent = await after.hello(name, helloOf(name, "web-1"));
    assertEquals((await agent.hears("serverHello")).name, "mail-1");
  }
});

Deno.test("a removed agent that says a former name hears that it was removed", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await rename(core, "web-1", "shop-1");
  await core.agents.remove("shop-1");
  const agent = await core.hello("web-1");

  assertEquals((await agent.hears("bye")).code, Bye_Code.REMOVED);
});

Deno.test("another agent may get a former name once its agent is removed", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await rename(core, "web-1", "shop-1");
  const entry = { id: "web-1", groups: [], cidrs: [] };
  await assertRejects(() => core.agents.add(entry), PiriError, "former name");
  await core.agents.remove("shop-1");
  const secretHash = (await core.store.agent("none"))?.secretHash ??
    new Uint8Array(32);
  await core.agents.addWithSecret({ ...entry, secretHash });

  assertEquals((await core.agents.list()).map(({ id }) => id), ["web-1"]);
});

Deno.test("an agent with an open command, or that a job waits for, is not renamed", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  const { manager } = fleet;
  await fleet.start({ limits: { batch: { count: 1 } } });

  assertEquals(
    await refusal(manager, "web-1", "shop-1"),
    'REFUSED Cannot rename agent "web-1": commands on it have not ended: 1',
  );
  await fleet.disconnect("web-2");
  assertEquals(
    await refusal(manager, "web-2", "shop-2"),
    'REFUSED Cannot rename agent "web-2": jobs wait for it: j-1',
  );
  await fleet.finish("web-1");
  await fleet.disconnect("web-1");
  assertEquals(await rename(manager, "web-1", "shop-1"), false);
  assertEquals((await fleet.entries())[0], "shop-1 succeeded");
});

Deno.test("an agent that rules or settings name is not renamed, and they are named", async () => {
  await using core = await MemoryManager.start({
    data: {
      answer: () => Promise.resolve("nothing"),
      settingsOf: (agent) => Promise.resolve([`data/agents/${agent}.yaml`]),
    },
  });
  await core.knows("web-1");
  await core.access.add({
    name: "alice",
    role: "operator",
    see: "web-1",
    tokenLifeMs: 1_000,
    rules: [
      aRule("alice", { onTargets: "web-*" }),
      aRule("alice", { onTargets: "db-1, web-[1-3]" }),
    ],
  });

  assertEquals(
    await refusal(core, "web-1", "shop-1"),
    'REFUSED Cannot rename agent "web-1": it is named in rule 2 of alice ("db-1, web-[1-3]"), what alice sees ("web-1"), data/agents/web-1.yaml',
  );
  assertEquals((await core.agents.list()).map(({ id }) => id), ["web-1"]);
});

Deno.test("a new name must be one that an agent may have", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");

  await assertRejects(() => rename(core, "web-1", "all"), PiriError, "word of");
  await assertRejects(
    () => rename(core, "web-1", "../x"),
    PiriError,
    "name of",
  );
  await assertRejects(() => rename(core, "no-1", "x"), PiriError, "no agent");
});

Deno.test("a renaming that is refused leaves the agent's connection alone", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("web-2");
  await core.admitted("web-1");
  const session = core.fleet.session("web-1");
  await assertRejects(() => rename(core, "web-1", "web-2"), PiriError);

  assertEquals(session?.takesCommands, true);
  assertEquals(core.fleet.session("web-1"), session);
});
