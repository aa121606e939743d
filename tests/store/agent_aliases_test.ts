import { assertEquals, assertRejects } from "@std/assert";
import { ALL_EVENTS } from "../../lib/base/event_filter.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import type { Store } from "../../lib/store/store.ts";
import { newCommand, startStore } from "./support.ts";

const ENTRY = { groups: ["web"], cidrs: [], addedAt: 1 };

async function add(store: Store, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    const secretHash = hashSecret(`secret of ${id}`);
    await store.addAgent({ ...ENTRY, id, secretHash });
  }
}

async function refusalOf(store: Store, from: string, to: string) {
  const { code, message } = await assertRejects(
    () => store.renameAgent(from, to),
    PiriError,
  );
  return `${code} ${message}`;
}

Deno.test("a renamed agent keeps its record, its commands, its events and its tombstones", async () => {
  await using at = await startStore();
  const { store } = at;
  await add(store, "web-1");
  await store.removeAgent("web-1", { at: 2, patches: [] });
  await add(store, "web-1", "web-2");
  const agents = ["web-1", "web-2"];
  await store.createCommands(agents.map((agent) => newCommand({ agent })), {
    requestId: "r",
    job: "j",
  });
  await store.addEvent({
    at: 3,
    kind: "agent_connected",
    agent: "web-1",
    commandId: null,
    message: "it is",
  });
  const before = await store.agent("web-1");
  const record = await store.renameAgent("web-1", "shop-1");

  assertEquals(record, { ...before, id: "shop-1" } as typeof record);
  assertEquals(
    (await store.agents()).map(({ id }) => id),
    ["shop-1", "web-2"],
  );
  assertEquals(
    (await store.commands({ limit: 9 })).map(({ agent }) => agent),
    ["web-2", "shop-1"],
  );
  const { entries } = await store.eventHistory({
    from: undefined,
    direction: "newer",
    limit: 9,
    filter: { ...ALL_EVENTS, agents: ["shop-1"] },
  });
  assertEquals(
    entries.flatMap((entry) => "event" in entry ? entry.event.message : []),
    ["it is"],
  );
  const hash = hashSecret("secret of web-1");
  assertEquals(
    [
      await store.removedAt("shop-1", hash),
      await store.removedAt("web-1", hash),
    ],
    [2, undefined],
  );
  assertEquals(await store.agentAliases(), [
    { name: "web-1", agent: "shop-1" },
  ]);
});

Deno.test("all former names lead to the present one, and an agent may have its own name back", async () => {
  await using at = await startStore();
  const { store } = at;
  await add(store, "a");
  await store.renameAgent("a", "b");
  await store.renameAgent("b", "c");

  assertEquals(await store.agentAliases(), [
    { name: "a", agent: "c" },
    { name: "b", agent: "c" },
  ]);
  await store.renameAgent("c", "a");
  assertEquals(await store.agentAliases(), [
    { name: "b", agent: "a" },
    { name: "c", agent: "a" },
  ]);
  await store.renameAgent("a", "A");
  assertEquals((await store.agents()).map(({ id }) => id), ["A"]);
});

Deno.test("a name that is used, or was, is refused, and nothing changes", async () => {
  await using at = await startStore();
  const { store } = at;
  await add(store, "a", "b", "gone", "ran", "former");
  await store.removeAgent("gone", { at: 2, patches: [] });
  await store.createCommands([newCommand({ agent: "ran" })], {
    requestId: "r",
    job: "j",
  });
  await store.removeAgent("ran", { at: 2, patches: [] });
  await store.renameAgent("former", "later");

  const was = "another agent had that name, and the history would mix the two";
  assertEquals(
    await refusalOf(store, "a", "b"),
    [
      'ALREADY_EXISTS Cannot rename agent "a" to "b": there is "b"',
    ][0],
  );
  assertEquals(
    await refusalOf(store, "a", "B"),
    'ALREADY_EXISTS Cannot rename agent "a" to "B": there is "b"',
  );
  assertEquals(
    await refusalOf(store, "a", "a"),
    'ALREADY_EXISTS Cannot rename agent "a" to "a": there is "a"',
  );
  for (const name of ["gone", "ran", "former"]) {
    assertEquals(
      await refusalOf(store, "a", name),
      `ALREADY_EXISTS Cannot rename agent "a" to "${name}": ${was}`,
    );
  }
  assertEquals(
    await refusalOf(store, "no", "c"),
    'NOT_FOUND Cannot rename agent "no": there is no agent of that name',
  );
  assertEquals((await store.agents()).map(({ id }) => id), ["a", "b", "later"]);
});

Deno.test("a former name is free for another agent once its agent is removed", async () => {
  await using at = await startStore();
  const { store } = at;
  await add(store, "a");
  await store.renameAgent("a", "b");

  const { message } = await assertRejects(() => add(store, "a"), PiriError);
  assertEquals(
    message,
    'Cannot add agent "a": that is the former name of "b", which may still come by it',
  );
  await store.removeAgent("b", { at: 2, patches: [] });
  await add(store, "a");
  assertEquals(await store.agentAliases(), []);
});

Deno.test("a removed agent is known by each name that it had", async () => {
  await using at = await startStore();
  const { store } = at;
  await add(store, "a");
  await store.renameAgent("a", "b");
  await store.renameAgent("b", "c");
  await store.removeAgent("c", { at: 2, patches: [] });

  const hash = hashSecret("secret of a");
  assertEquals(
    await Promise.all(
      ["a", "b", "c"].map((name) => store.removedAt(name, hash)),
    ),
    [2, 2, 2],
  );
});
