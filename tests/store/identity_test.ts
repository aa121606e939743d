import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import { sha256 } from "../../lib/base/sha256.ts";
import { Database } from "../../lib/store/database.ts";
import { readIdentity, type StoredIdentity } from "../../lib/store/identity.ts";
import { openStore } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";
import { openStoreClient } from "../../lib/store/store_client.ts";
import { newCommand, startStore } from "./support.ts";

const HELLO = {
  protocol: 2,
  version: "0.1.0",
  facts: { os: "linux", operations: "command.Run echo.Echo" },
  instance: "0123456789abcdef0123456789abcdef",
  session: 2n ** 64n - 1n,
  lastCommandId: 40n,
  address: "192.0.2.1",
  at: 5_000,
  patches: [],
};

/** Key of an agent that is revoked. */
const BAD_KEY = new Uint8Array(32).fill(7);

const NO_CHANGE = {
  addGroups: [],
  removeGroups: [],
  setFacts: {},
  removeFacts: [],
};

/** Fills a store: two agents of which one has joined, one that was removed, and some history. */
async function fill(store: Store): Promise<void> {
  for (const id of ["web-1", "web-2", "old-1", "bad-1"]) {
    await store.addAgent({
      id,
      groups: ["web"],
      cidrs: ["192.0.2.0/24"],
      addedAt: 1_000,
      tokenHash: hashSecret("token"),
      tokenExpiresAt: 9_000,
    });
  }
  for (const id of ["web-1", "old-1"]) {
    await store.enrolAgent(id, {
      tokenHash: hashSecret("token"),
      secretHash: hashSecret(`secret of ${id}`),
      at: 2_000,
    });
  }
  await store.admitAgent("web-1", HELLO);
  await store.setAgents(["web-1"], {
    ...NO_CHANGE,
    setFacts: { role: "db" },
    retired: true,
  });
  await store.createCommands([newCommand(), newCommand()], {
    requestId: "r",
    job: "j",
  });
  await store.removeAgent("old-1", { at: 3_000, patches: [] });
  await store.renameAgent("web-2", "shop-2");
  await store.enrolAgent("bad-1", {
    tokenHash: hashSecret("token"),
    secretHash: hashSecret("secret of bad-1"),
    publicKey: BAD_KEY,
    at: 2_000,
  });
  await store.revokeAgent("bad-1", { at: 4_000, patches: [] });
}

/** Store in memory with this identity. */
function openWith(identity: StoredIdentity): Promise<Store> {
  return openStore(":memory:", {
    clock: systemClock,
    random: systemRandom,
    identity,
  });
}

Deno.test("the identity of a database makes another one the same Manager's", async () => {
  await using made = await startStore();
  await fill(made.store);
  const identity = await readIdentity(made.database);
  await using copy = await openWith(identity);

  assertEquals(copy.managerId, made.store.managerId);
  assertEquals(await copy.lastCommandId(), 42n);
  const original = await made.store.agents();
  assertEquals(
    await copy.agents(),
    original.map((agent) => ({
      ...agent,
      // The next hello tells them again.
      facts: agent.id === "web-1" ? { os: "linux" } : {},
      protocol: 0,
      version: "",
      address: "",
      connectedAt: null,
      // Nobody joins by a copy.
      tokenHash: null,
      tokenExpiresAt: null,
      tokenUsedWith: null,
    })),
  );
  assertEquals(await copy.agentAliases(), [
    { name: "web-2", agent: "shop-2" },
  ]);
  assertEquals(
    await copy.removedAt("old-1", hashSecret("secret of old-1")),
    3_000,
  );
  assertEquals(await copy.removedAt("old-1", hashSecret("another")), undefined);
  assertEquals((await copy.agent("bad-1"))?.revokedAt, 4_000);
  assertEquals(
    identity.revokedKeys,
    [{ hash: sha256(BAD_KEY), agent: "bad-1", revokedAt: 4_000 }],
  );
});

Deno.test("an identity that was read and written twice is the same, with the last id sent to each agent", async () => {
  await using made = await startStore();
  await fill(made.store);
  const identity = await readIdentity(made.database);
  const path = `${made.database}.copy`;
  await using _copy = await openStore(path, {
    clock: systemClock,
    random: systemRandom,
    identity,
  });

  assertEquals(await readIdentity(path), identity);
  assertEquals(
    identity.agents.map(({ id, lastSentId }) => [id, lastSentId]),
    [["bad-1", 0n], ["shop-2", 0n], ["web-1", 42n]],
  );
});

Deno.test("an identity has no history", async () => {
  await using made = await startStore();
  await fill(made.store);
  await made.store.addEvent({
    at: 1,
    kind: "note",
    agent: null,
    commandId: null,
    message: "something happened",
  });
  await using copy = await openWith(await readIdentity(made.database));
  const { commandsTotal, commandsOpen } = await copy.stats();

  assertEquals([commandsTotal, commandsOpen], [0n, 0]);
  assertEquals(await copy.commands({ limit: 10 }), []);
});

Deno.test("the store's own thread opens an identity, too, and its commands go on after the last id", async () => {
  await using made = await startStore();
  await fill(made.store);
  await using copy = await openStoreClient(":memory:", {
    identity: await readIdentity(made.database),
  });
  const { commands } = await copy.createCommands([newCommand()], {
    requestId: "r",
    job: "j",
  });

  assertEquals(copy.managerId, made.store.managerId);
  assertEquals(commands.map(({ id }) => id), [43n]);
});

Deno.test("an identity is not read from a database of another version, nor from none", async () => {
  await using made = await startStore();
  await made.store[Symbol.asyncDispose]();
  const missing = `${made.database}.other`;

  await assertRejects(
    () => readIdentity(missing),
    PiriError,
    "there is no such database",
  );
  await assertRejects(() => Deno.stat(missing), Deno.errors.NotFound);
  for (
    const [version, message] of [
      [3, "an older Manager has used it; start this version"],
      [999, "a newer Manager has used it"],
    ] as const
  ) {
    using db = new Database(made.database);
    db.script(`PRAGMA user_version = ${version}`);
    await assertRejects(() => readIdentity(made.database), PiriError, message);
  }
});
