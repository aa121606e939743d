import { assertEquals, assertRejects } from "@std/assert";
import { MemoryManager } from "../../support/memory_manager.ts";
import { aVerdict } from "../../support/small_manager.ts";

/** Manager with the agents of these names. */
async function adding(names: readonly string[]): Promise<MemoryManager> {
  const core = await MemoryManager.start();
  for (const id of names) await add(core, id);
  return core;
}

async function add(core: MemoryManager, id: string): Promise<void> {
  await core.agents.add({ id, groups: [], cidrs: [] }, {
    requestedBy: "anna",
    saidBy: "",
  });
}

Deno.test("an act is in the audit with its time and user", async () => {
  await using core = await adding(["web-1"]);

  const [entry] = await core.audit.list({ limit: 10 });

  assertEquals([entry?.who, entry?.act, entry?.target, entry?.at], [
    "anna",
    "AddAgent",
    "web-1",
    core.clock.now(),
  ]);
});

Deno.test("another credential and origin of a user are in the audit", async () => {
  await using core = await adding([]);
  await core.agents.add({ id: "web-1", groups: [], cidrs: [] }, {
    requestedBy: "anna",
    saidBy: "",
    credential: "token 3",
    origin: "10.0.0.7:4711",
  });

  const [entry] = await core.audit.list({ limit: 10 });

  assertEquals([entry?.credential, entry?.origin], [
    "token 3",
    "10.0.0.7:4711",
  ]);
});

Deno.test("an act on very many agents names the first ones, and counts the others", async () => {
  const names = Array.from({ length: 300 }, (_, index) => `web-${index}`);
  await using core = await adding([]);
  for (const name of names) await core.knows(name);
  const before = await core.audit.list({ limit: 1_000 });
  await core.agents.set(names, {
    addGroups: ["web"],
    removeGroups: [],
    setFacts: {},
    removeFacts: [],
  });

  const [{ target, outcome } = { target: "", outcome: "" }, ...others] =
    await core.audit.list({ limit: 1_000 });

  assertEquals(others, before);
  assertEquals(target.endsWith("web-122, and 177 more"), true, target);
  assertEquals(outcome, "300 agents changed");
});

Deno.test("an export tells all entries from one on, oldest first, and ends", async () => {
  await using core = await adding(["web-1", "web-2", "web-3"]);
  const { signal } = new AbortController();
  const told: string[] = [];
  const options = { fromId: 2n, follow: false, signal };
  for await (const { target } of core.audit.export(options)) told.push(target);

  assertEquals(told, ["web-2", "web-3"]);
});

Deno.test("an export that follows tells each new entry once, and ends when it is stopped", async () => {
  await using core = await adding(["web-1"]);
  const stop = new AbortController();
  const told: string[] = [];
  async function follow(): Promise<void> {
    const options = { fromId: 1n, follow: true, signal: stop.signal };
    for await (const { target } of core.audit.export(options)) {
      told.push(target);
    }
  }
  const following = follow();
  await core.clock.settle();
  await add(core, "web-2");
  await add(core, "web-3");
  await core.clock.advance(1_000);
  await core.clock.advance(1_000);
  stop.abort();
  await following;

  assertEquals(told, ["web-1", "web-2", "web-3"]);
});

Deno.test("an export may begin after the last entry, and then tells what comes", async () => {
  await using core = await adding(["web-1"]);
  const stop = new AbortController();
  const told: bigint[] = [];
  async function follow(): Promise<void> {
    const options = { fromId: 3n, follow: true, signal: stop.signal };
    for await (const { id } of core.audit.export(options)) told.push(id);
  }
  const following = follow();
  await core.clock.settle();
  for (const id of ["web-2", "web-3"]) await add(core, id);
  await core.clock.advance(1_000);
  stop.abort();
  await following;

  assertEquals(told, [3n]);
});

Deno.test("the audit of a Manager is whole, and its check can be left", async () => {
  await using core = await adding(["web-1", "web-2"]);
  const left = AbortSignal.abort();

  assertEquals(
    await core.audit.verify(new AbortController().signal),
    aVerdict({ count: 2n }),
  );
  await assertRejects(() => core.audit.verify(left));
});
