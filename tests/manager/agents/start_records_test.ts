import { assertEquals, assertNotEquals } from "@std/assert";
import { StartRecords } from "../../../lib/manager/agents/start_records.ts";
import type { Store } from "../../../lib/store/store.ts";
import {
  addAgent,
  create,
  hash,
  hello,
  startStore,
} from "../../store/support.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import { SlowStore } from "../../support/slow_store.ts";

/** Records of web-1 and web-2, just loaded, over a store that counts the questions for an agent. */
async function loaded() {
  await using stack = new AsyncDisposableStack();
  const { store } = stack.use(await startStore());
  await addAgent(store, "web-1");
  await addAgent(store, "web-2");
  const counted = { questions: 0 };
  const counting: Store = Object.assign(
    Object.create(new SlowStore(store).store) as Store,
    {
      agent: (id: string) => {
        counted.questions++;
        return store.agent(id);
      },
    },
  );
  const clock = new FakeClock();
  const records = new StartRecords();
  records.load(await store.agents(), clock);
  const resources = stack.move();
  return {
    /** The store below. */
    store,
    watched: records.watch(counting),
    counted,
    clock,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

Deno.test("the first question for an agent is answered out of memory, and the second by the store", async () => {
  await using at = await loaded();

  const first = await at.watched.agent("web-1");
  assertEquals(at.counted.questions, 0);
  assertEquals(first, await at.store.agent("web-1"));

  await at.watched.agent("web-1");
  assertEquals(at.counted.questions, 1);
});

Deno.test("a question for an agent that the start did not read goes to the store", async () => {
  await using at = await loaded();
  await addAgent(at.store, "new-1");

  assertEquals((await at.watched.agent("new-1"))?.id, "new-1");
  assertEquals(await at.watched.agent("none"), undefined);
  assertEquals(at.counted.questions, 2);
});

Deno.test("records are forgotten after two minutes, because they are not asked for any more", async () => {
  await using at = await loaded();

  await at.clock.advance(119_999);
  await at.watched.agent("web-1");
  assertEquals(at.counted.questions, 0);

  await at.clock.advance(1);
  await at.watched.agent("web-2");
  assertEquals(at.counted.questions, 1);
});

/** Writes that change the record of web-1. */
const WRITES: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  setToken: (store) =>
    store.setToken("web-1", { tokenHash: hash(2), tokenExpiresAt: 1 }),
  setAgents: (store) =>
    store.setAgents(["web-2", "web-1"], {
      addGroups: ["new"],
      removeGroups: [],
      setFacts: {},
      removeFacts: [],
    }),
  setHostFacts: (store) => store.setHostFacts("web-1", { os: "plan9" }),
  enrolAgent: (store) =>
    store.enrolAgent("web-1", {
      tokenHash: hash(1),
      secretHash: hash(3),
      at: 1,
    }),
  admitAgent: (store) => store.admitAgent("web-1", hello),
  agentLeft: (store) => store.agentLeft("web-1", { at: 9, patches: [] }),
  renameAgent: (store) => store.renameAgent("web-1", "other-1"),
  revokeAgent: (store) => store.revokeAgent("web-1", { at: 9, patches: [] }),
  removeAgent: (store) => store.removeAgent("web-1", { at: 9, patches: [] }),
  patchCommand: async (store) => {
    const id = await create(store);
    await store.patchCommand({ id, keys: { nextKey: hash(7) } });
  },
};

for (const [kind, write] of Object.entries(WRITES)) {
  Deno.test(`a record that ${kind} changes is not answered as it was before`, async () => {
    await using at = await loaded();
    const before = await at.store.agent("web-1");
    await write(at.watched);
    const after = await at.store.agent("web-1");
    assertNotEquals(after, before);

    assertEquals(await at.watched.agent("web-1"), after);
  });
}

Deno.test("a record is forgotten when the write begins, not when it is done", async () => {
  await using at = await loaded();

  const write = at.watched.setHostFacts("web-1", { os: "plan9" });
  const asked = at.watched.agent("web-1");
  await write;
  assertEquals((await asked)?.facts, { os: "plan9" });
});

Deno.test("the hello of an agent after a restart of its Manager asks the database nothing about it", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await using again = await core.restarted();
  const free = again.slow.hold("agent");

  await again.admitted("web-1");
  free();
  assertEquals((await again.agents.list()).map(({ connected }) => connected), [
    true,
  ]);
});
