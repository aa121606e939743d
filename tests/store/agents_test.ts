import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import type { Store } from "../../lib/store/store.ts";
import {
  addAgent,
  assertCode,
  create,
  hash,
  hello,
  startStore,
} from "./support.ts";

Deno.test("an agent is stored as it was added", async () => {
  await using at = await startStore();
  await addAgent(at.store, "web-2");
  await addAgent(at.store, "web-1");

  assertEquals(await at.store.agent("web-1"), {
    id: "web-1",
    groups: ["web", "eu"],
    cidrs: ["10.0.0.0/8"],
    addedAt: 1_000,
    secretHash: null,
    publicKey: null,
    nextKey: null,
    trust: null,
    tokenHash: hash(1),
    tokenExpiresAt: 10_000,
    tokenUsedWith: null,
    instance: null,
    session: 0n,
    lastCommandId: 0n,
    protocol: 0,
    version: "",
    facts: {},
    setFacts: {},
    retired: false,
    revokedAt: null,
    address: "",
    connectedAt: null,
    disconnectedAt: null,
  });
  assertEquals((await at.store.agents()).map(({ id }) => id), [
    "web-1",
    "web-2",
  ]);
  assertEquals(await at.store.agent("db-1"), undefined);
});

Deno.test("all agents together are read as each of them alone, whatever their fields have", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const id of ["web-1", "web-2", "web-3", 'new "1"']) {
    await addAgent(store, id);
  }
  await store.enrolAgent("web-1", {
    tokenHash: hash(1),
    secretHash: hash(2),
    publicKey: hash(250),
    at: 5,
  });
  await store.admitAgent("web-1", {
    ...hello,
    facts: { os: 'a "b" \\ \0 \n \u{1f600} \ud800', "": "" },
    lastCommandId: 2n ** 62n,
    trust: ["ab", "cd"],
  });
  const id = await create(store);
  await store.patchCommand({ id, keys: { nextKey: hash(0) } });
  await store.setAgents(["web-2"], {
    addGroups: ["ß", "db"],
    removeGroups: ["web"],
    setFacts: { role: "db" },
    removeFacts: [],
    retired: true,
  });
  await store.revokeAgent("web-3", { at: 1_700_000_000_000, patches: [] });

  const all = await store.agents();
  const alone = await Promise.all(all.map(({ id }) => store.agent(id)));
  assertEquals(all, alone as typeof all);
  assertEquals(all.map(({ id }) => id), ['new "1"', "web-1", "web-2", "web-3"]);
  assertEquals(all[1]?.session, 2n ** 64n - 1n);
  assertEquals(all[1]?.nextKey, hash(0));
  assertEquals(all[2]?.retired, true);
});

Deno.test("no agents are an empty list", async () => {
  await using at = await startStore();

  assertEquals(await at.store.agents(), []);
});

Deno.test("an agent that is added with its secret needs no token, and takes one later", async () => {
  await using at = await startStore();
  const { store } = at;
  await store.addAgent({
    id: "old-1",
    groups: [],
    cidrs: [],
    secretHash: hash(5),
    addedAt: 1_000,
  });
  assertEquals((await store.agent("old-1"))?.secretHash, hash(5));
  const use = { tokenHash: hash(1), secretHash: hash(2), at: 9_999 };
  await assertCode(store.enrolAgent("old-1", use), "AUTH_FAILED");
  await store.setToken("old-1", { tokenHash: hash(1), tokenExpiresAt: 10_000 });
  await store.enrolAgent("old-1", use);
  assertEquals((await store.agent("old-1"))?.secretHash, hash(2));
});

Deno.test("a name is taken once", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  await assertCode(addAgent(at.store), "ALREADY_EXISTS");
});

Deno.test("a token makes the secret the agent's own", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const use = { tokenHash: hash(1), secretHash: hash(2), at: 9_999 };
  const enrolled = await at.store.enrolAgent("web-1", use);

  assertEquals(enrolled.secretHash, hash(2));
  assertEquals(enrolled.tokenUsedWith, hash(2));
  assertEquals(await at.store.agent("web-1"), enrolled);
});

Deno.test("the same token with the same secret succeeds again, even when it has expired since", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const use = { tokenHash: hash(1), secretHash: hash(2) };
  const first = await at.store.enrolAgent("web-1", { ...use, at: 9_999 });
  const again = await at.store.enrolAgent("web-1", { ...use, at: 99_999 });

  assertEquals(again, first);
});

Deno.test("a token that was used, another one and an expired one are refused, and change nothing", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  await addAgent(at.store, "web-2");
  const use = { tokenHash: hash(1), secretHash: hash(2), at: 9_999 };
  await at.store.enrolAgent("web-1", use);
  const before = await at.store.agents();

  const { store } = at;
  await assertCode(
    store.enrolAgent("web-1", { ...use, secretHash: hash(3) }),
    "AUTH_FAILED",
  );
  await assertCode(
    store.enrolAgent("web-2", { ...use, tokenHash: hash(3) }),
    "AUTH_FAILED",
  );
  await assertCode(
    store.enrolAgent("web-2", { ...use, tokenHash: new Uint8Array(3) }),
    "AUTH_FAILED",
  );
  await assertCode(
    store.enrolAgent("web-2", { ...use, at: 10_000 }),
    "AUTH_FAILED",
  );
  await assertCode(store.enrolAgent("db-1", use), "AUTH_FAILED");
  assertEquals(await store.agents(), before);
});

Deno.test("one of two that use a token at once with different secrets succeeds", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const outcomes = await Promise.allSettled(
    [2, 3].map((secret) =>
      at.store.enrolAgent("web-1", {
        tokenHash: hash(1),
        secretHash: hash(secret),
        at: 0,
      })
    ),
  );

  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected"]);
});

Deno.test("the old secret stays valid until a new token is used", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const { store } = at;
  const old = { tokenHash: hash(1), secretHash: hash(2), at: 0 };
  await store.enrolAgent("web-1", old);

  await store.setToken("web-1", { tokenHash: hash(5), tokenExpiresAt: 20_000 });
  const renewed = await store.agent("web-1");
  assertEquals(renewed?.secretHash, hash(2));
  assertEquals(renewed?.tokenUsedWith, null);
  await assertCode(store.enrolAgent("web-1", old), "AUTH_FAILED");

  const use = { tokenHash: hash(5), secretHash: hash(6), at: 19_999 };
  await store.enrolAgent("web-1", use);
  assertEquals((await store.agent("web-1"))?.secretHash, hash(6));
  await assertCode(
    store.setToken("db-1", { tokenHash: hash(5), tokenExpiresAt: 1 }),
    "NOT_FOUND",
  );
});

Deno.test("a hello is stored together with the patches of commands", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const id = await create(at.store);
  await at.store.admitAgent("web-1", {
    ...hello,
    patches: [{ id, state: "lost", presumed: true, reason: "may have run" }],
  });

  const agent = await at.store.agent("web-1");
  assertEquals(
    [agent?.instance, agent?.session, agent?.facts, agent?.connectedAt],
    ["abc", 2n ** 64n - 1n, { os: "linux" }, 2_000],
  );
  assertEquals((await at.store.command(id))?.state, "lost");
});

Deno.test("the hello of a missing agent changes nothing", async () => {
  await using at = await startStore();
  const id = await create(at.store);
  const patches = [{ id, state: "lost" }] as const;

  await assertCode(
    at.store.admitAgent("web-1", { ...hello, lastCommandId: 500n, patches }),
    "NOT_FOUND",
  );
  await assertCode(
    at.store.removeAgent("web-1", { at: 1, patches }),
    "NOT_FOUND",
  );

  assertEquals((await at.store.command(id))?.state, "sent");
  assertEquals(await at.store.lastCommandId(), id);
});

Deno.test("the hello of a legacy agent has no instance", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  await at.store.admitAgent("web-1", {
    ...hello,
    protocol: 1,
    instance: "",
    session: 0n,
  });

  assertEquals((await at.store.agent("web-1"))?.instance, null);
});

Deno.test("ids continue above the last one that an agent accepted, never below", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const lastCommandId = 2n ** 40n;
  await at.store.admitAgent("web-1", { ...hello, lastCommandId });
  assertEquals(await at.store.lastCommandId(), lastCommandId);
  await at.store.admitAgent("web-1", { ...hello, lastCommandId: 3n });

  assertEquals(await create(at.store), lastCommandId + 1n);
  assertEquals((await at.store.agent("web-1"))?.lastCommandId, 3n);
});

Deno.test("ids above JavaScript's exact numbers stay exact", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const lastCommandId = 2n ** 62n + 1n;
  await at.store.admitAgent("web-1", { ...hello, lastCommandId });
  const id = await create(at.store);

  assertEquals(id, lastCommandId + 1n);
  assertEquals((await at.store.commands({ limit: 1 }))[0]?.id, id);
  assertEquals((await at.store.agent("web-1"))?.lastCommandId, lastCommandId);
});

Deno.test("a connection's end is stored together with its patches, even if the agent has been removed", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  const { store } = at;
  const [first, second] = [await create(store), await create(store)];
  const verdict = { state: "lost", presumed: true } as const;
  await store.agentLeft("web-1", {
    at: 3_000,
    patches: [{ id: first, ...verdict }],
  });
  assertEquals((await store.agent("web-1"))?.disconnectedAt, 3_000);
  await store.removeAgent("web-1", { at: 3_500, patches: [] });
  await store.agentLeft("web-1", {
    at: 4_000,
    patches: [{ id: second, ...verdict }, { id: 999n, ...verdict }],
  });

  assertEquals(await store.agents(), []);
  const states = (await store.commands({ limit: 9 })).map(({ state }) => state);
  assertEquals(states, ["lost", "lost"]);
});

const SECRET = hashSecret("secret");

/** Adds an agent with a secret. */
async function known(
  store: Store,
  id: string,
  secretHash: Uint8Array = SECRET,
): Promise<void> {
  await store.addAgent({
    id,
    groups: [],
    cidrs: [],
    secretHash,
    addedAt: 1_000,
  });
}

Deno.test("a removed agent is known by its name and its secret, and no other is", async () => {
  await using at = await startStore();
  const { store } = at;
  await known(store, "web-1");
  assertEquals(await store.removedAt("web-1", SECRET), undefined);
  await store.removeAgent("web-1", { at: 5_000.5, patches: [] });

  assertEquals(await store.removedAt("web-1", SECRET), 5_000);
  assertEquals(await store.removedAt("web-2", SECRET), undefined);
  assertEquals(await store.removedAt("web-1", hashSecret("x")), undefined);
});

Deno.test("an agent that never joined leaves nothing behind when it is removed", async () => {
  await using at = await startStore();
  await addAgent(at.store);
  await at.store.removeAgent("web-1", { at: 5_000, patches: [] });
  await addAgent(at.store);

  assertEquals((await at.store.agents()).length, 1);
});

Deno.test("every secret that a name was removed with is remembered", async () => {
  await using at = await startStore();
  const { store } = at;
  const other = hashSecret("other");
  for (const [index, secret] of [SECRET, other, SECRET].entries()) {
    await known(store, "web-1", secret);
    await store.removeAgent("web-1", { at: index + 1, patches: [] });
  }

  assertEquals(await store.removedAt("web-1", SECRET), 3);
  assertEquals(await store.removedAt("web-1", other), 2);
});

Deno.test("removed agents are forgotten with the history of their time", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const [id, removedAt] of [["web-1", 999], ["web-2", 1_000]] as const) {
    await known(store, id);
    await store.removeAgent(id, { at: removedAt, patches: [] });
  }
  await store.prune({ before: 1_000, outputBytes: 0n });

  assertEquals(await store.removedAt("web-1", SECRET), undefined);
  assertEquals(await store.removedAt("web-2", SECRET), 1_000);
});

Deno.test("a name that differs from another only in case cannot be added", async () => {
  await using at = await startStore();
  const { store } = at;
  await known(store, "web-1");
  await assertRejects(
    () => known(store, "Web-1"),
    PiriError,
    'Cannot add agent "Web-1": there is "web-1", and names may not differ only in upper and lower case',
  );
  await store.removeAgent("web-1", { at: 5_000, patches: [] });
  await known(store, "Web-1");

  assertEquals((await store.agents()).map(({ id }) => id), ["Web-1"]);
});

Deno.test("groups, facts and retirement of many agents are set in one write", async () => {
  await using at = await startStore();
  await addAgent(at.store, "web-1");
  await addAgent(at.store, "web-2");
  const change = {
    addGroups: ["new", "web"],
    removeGroups: ["eu"],
    setFacts: { role: "db" },
    removeFacts: [],
    retired: true,
  };

  const changed = await at.store.setAgents(["web-1", "web-2"], change);

  assertEquals(
    changed.map(({ id, groups, setFacts, retired }) => [
      id,
      groups,
      setFacts,
      retired,
    ]),
    [
      ["web-1", ["web", "new"], { role: "db" }, true],
      ["web-2", ["web", "new"], { role: "db" }, true],
    ],
  );
  assertEquals(await at.store.agents(), changed);
  assertEquals(await at.store.setAgents(["web-1"], change), []);
  await at.store.setAgents(["web-1"], {
    addGroups: [],
    removeGroups: ["none"],
    setFacts: {},
    removeFacts: ["role", "none"],
    retired: false,
  });
  const { setFacts, retired } = await at.store.agent("web-1") ?? {};
  assertEquals([setFacts, retired], [{}, false]);
});

Deno.test("setAgents() sets nothing if one of the agents is not there", async () => {
  await using at = await startStore();
  await addAgent(at.store, "web-1");
  const before = await at.store.agents();

  await assertCode(
    at.store.setAgents(["web-1", "web-9"], {
      addGroups: ["new"],
      removeGroups: [],
      setFacts: {},
      removeFacts: [],
    }),
    "NOT_FOUND",
  );

  assertEquals(await at.store.agents(), before);
});
