import { assertEquals, assertRejects } from "@std/assert";
import type { CommandRecord } from "../../lib/store/records.ts";
import {
  assertCode,
  create,
  newCommand,
  open,
  startStore,
  temporaryFolder,
} from "./support.ts";
import { Database } from "../../lib/store/database.ts";

function ids(commands: readonly CommandRecord[]): bigint[] {
  return commands.map(({ id }) => id);
}

Deno.test("commands get ascending ids in the order given, and are returned as stored", async () => {
  await using at = await startStore();
  const nonce = 2n ** 64n - 1n;
  const { commands, job, repeated } = await at.store.createCommands(
    [
      newCommand({ agent: "b", nonce, session: 2n ** 63n, createdAt: 5.7 }),
      newCommand({ agent: "a", timeoutMs: 5, instance: null, session: null }),
    ],
    { requestId: "r", job: "j" },
  );

  assertEquals(ids(commands), [1n, 2n]);
  assertEquals([job, repeated, commands[0]?.nonce], ["j", false, nonce]);
  assertEquals(
    await Promise.all(ids(commands).map((id) => at.store.command(id))),
    commands,
  );
  assertEquals(await at.store.command(3n), undefined);
});

Deno.test("a command that repeats another one names it", async () => {
  await using at = await startStore();
  const first = await create(at.store);
  const again = await create(at.store, { rerunOf: first });

  const repeats = await Promise.all(
    [first, again].map((id) => at.store.command(id)),
  );

  assertEquals(repeats.map((record) => record?.rerunOf), [null, first]);
});

Deno.test("a repeated request records nothing and returns the commands that it started", async () => {
  await using folder = await temporaryFolder();
  const request = { requestId: "r", job: "first" };
  {
    await using store = await open(folder.database);
    await store.createCommands([newCommand(), newCommand()], request);
    await create(store);
  }
  await using store = await open(folder.database);
  const again = await store.createCommands([newCommand()], {
    requestId: "r",
    job: "second",
  });

  const found = await store.findRequest("r");

  assertEquals([again.job, again.repeated], ["first", true]);
  assertEquals(found, { job: "first", commands: again.commands });
  assertEquals(await store.findRequest("s"), undefined);
  assertEquals(ids(again.commands), [1n, 2n]);
  assertEquals(await store.lastCommandId(), 3n);
});

Deno.test("two equal requests in one turn are done once", async () => {
  await using at = await startStore();
  const both = await Promise.all(
    ["x", "y"].map((job) =>
      at.store.createCommands([newCommand()], { requestId: "r", job })
    ),
  );

  assertEquals(both.map(({ repeated }) => repeated), [false, true]);
  assertEquals(both.map(({ commands }) => ids(commands)), [[1n], [1n]]);
});

Deno.test("commands of a request are recorded all or none", async () => {
  await using at = await startStore();
  const broken = newCommand({ agent: null as unknown as string });
  const request = { requestId: "r", job: "j" };
  const outcomes = await Promise.allSettled([
    create(at.store),
    at.store.createCommands([newCommand(), broken], request),
    create(at.store),
  ]);

  assertEquals(outcomes.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  assertEquals((await at.store.commands({ limit: 9 })).length, 2);
  assertEquals((await at.store.stats()).commandsTotal, 2n);
  const retry = await at.store.createCommands([newCommand()], request);
  assertEquals(retry.repeated, false);
});

Deno.test("ids are never given twice, neither after a restart nor when all commands are deleted", async () => {
  await using folder = await temporaryFolder();
  {
    await using store = await open(folder.database);
    const id = await create(store);
    assertEquals(id, 1n);
    await store.patchCommand({ id, state: "succeeded", finishedAt: 1 });
    await store.prune({ before: 2, outputBytes: 0n });
    assertEquals(await store.commands({ limit: 9 }), []);
    assertEquals(await create(store), 2n);
  }
  {
    using db = new Database(folder.database);
    db.run("DELETE FROM commands");
  }
  await using store = await open(folder.database);
  assertEquals(await store.lastCommandId(), 2n);
  assertEquals(await create(store), 3n);
});

Deno.test("a patch changes its own fields and nothing else", async () => {
  await using at = await startStore();
  const id = await create(at.store);
  const before = await at.store.command(id);
  const patch = {
    id,
    state: "failed",
    presumed: true,
    reason: "r",
    errorCode: "NOT_STARTED",
    instance: "j",
    session: 2n ** 64n - 1n,
    sentAt: 1,
    startedAt: 2,
    finishedAt: 3,
    agentStartedAt: 4,
    agentFinishedAt: 5,
    exitCode: -1,
    signal: "SIGKILL",
    changed: true,
    data: "{}",
    reapedSignalled: 2,
    reapedAlive: [7, 8],
    stdoutHeld: 9n,
    stderrHeld: 2n ** 53n,
    truncated: true,
    cancelRequestedAt: 6,
    cancelGraceMs: 0,
    cancelRequestedBy: "ann",
    progressCurrent: 1,
    progressTotal: 2 ** 32 - 1,
    progressMessage: "m",
    requestedBy: "x",
    timeoutMs: 1,
    onDisconnect: "kill",
    killAfterMs: 2,
  } as const;
  await at.store.patchCommand({ id, state: "running" });
  assertEquals(await at.store.command(id), {
    ...before,
    state: "running",
  } as CommandRecord);
  await at.store.patchCommand(patch);

  assertEquals(await at.store.command(id), {
    ...before,
    ...patch,
  } as CommandRecord);
});

Deno.test("a patch of a missing command is refused", async () => {
  await using at = await startStore();
  await assertCode(
    at.store.patchCommand({ id: 1n, state: "lost" }),
    "NOT_FOUND",
  );
  await assertCode(at.store.patchCommand({ id: 1n }), "NOT_FOUND");
});

Deno.test("a patch after output is applied only where that output is held", async () => {
  await using at = await startStore();
  const id = await create(at.store);
  const end = { id, state: "succeeded", finishedAt: 9 } as const;
  await assertCode(
    at.store.patchCommand({ ...end, after: { stdout: 2n, stderr: 0n } }),
    "FAILED_PRECONDITION",
  );
  assertEquals((await at.store.command(id))?.state, "sent");

  await Promise.all([
    at.store.appendOutput(id, {
      stream: "stdout",
      offset: 0n,
      bytes: new Uint8Array(2),
      cut: 0n,
      keep: true,
    }),
    at.store.patchCommand({ ...end, after: { stdout: 2n, stderr: 0n } }),
  ]);

  assertEquals((await at.store.command(id))?.state, "succeeded");
});

Deno.test("a patch of a field that the store counts itself is a TypeError", async () => {
  await using at = await startStore();
  const id = await create(at.store);
  await assertRejects(
    () => at.store.patchCommand({ id, outputKept: 5n }),
    TypeError,
    'Cannot patch "outputKept" of a command: it is fixed',
  );
  await assertRejects(
    () => at.store.patchCommand({ id, "id = 2 --": 1 } as { id: bigint }),
    TypeError,
    'Cannot find a column for "id = 2 --": it is no field',
  );
});

Deno.test("commands are listed newest first, by agent, by state, by page", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const agent of ["a", "b", "a", "b", "a", "b"]) {
    await create(store, { agent });
  }
  await store.patchCommand({ id: 1n, state: "failed" });
  await store.patchCommand({ id: 2n, state: "lost" });
  await store.patchCommand({ id: 3n, state: "failed" });
  const list = async (filter: Parameters<typeof store.commands>[0]) =>
    ids(await store.commands(filter));

  assertEquals(await list({ limit: 2 }), [6n, 5n]);
  assertEquals(await list({ limit: 2, beforeId: 5n }), [4n, 3n]);
  assertEquals(await list({ limit: 9, agent: "a" }), [5n, 3n, 1n]);
  assertEquals(await list({ limit: 1, agent: "a", beforeId: 5n }), [3n]);
  assertEquals(await list({ limit: 9, states: ["lost", "failed"] }), [
    3n,
    2n,
    1n,
  ]);
  assertEquals(
    await list({ limit: 1, states: ["lost", "failed"], beforeId: 3n }),
    [2n],
  );
  assertEquals(await list({ limit: 9, states: ["sent", "sent"] }), [
    6n,
    5n,
    4n,
  ]);
  assertEquals(
    await list({ limit: 9, agent: "a", states: ["failed"], beforeId: 3n }),
    [1n],
  );
  assertEquals(await list({ limit: 9, states: [] }), []);
  assertEquals(await list({ limit: 9, agent: "a", states: [] }), []);
});

Deno.test("the commands of one job are listed newest first, also by agent, by state, by page", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const job of ["j-1", "j-2", "j-1", "j-11"]) {
    await store.createCommands(
      [newCommand({ agent: "a" }), newCommand({ agent: "b" })],
      { requestId: crypto.randomUUID(), job },
    );
  }
  await store.patchCommand({ id: 1n, state: "failed" });
  await store.patchCommand({ id: 3n, state: "failed" });
  await store.patchCommand({ id: 6n, state: "lost" });
  const list = async (filter: Partial<Parameters<typeof store.commands>[0]>) =>
    ids(await store.commands({ limit: 9, job: "j-1", ...filter }));

  assertEquals(await list({}), [6n, 5n, 2n, 1n]);
  assertEquals(await list({ limit: 2 }), [6n, 5n]);
  assertEquals(await list({ beforeId: 5n }), [2n, 1n]);
  assertEquals(await list({ agent: "a" }), [5n, 1n]);
  assertEquals(await list({ states: ["failed", "lost"] }), [6n, 1n]);
  assertEquals(await list({ agent: "b", states: ["failed", "lost"] }), [6n]);
  assertEquals(await list({ states: [] }), []);
  assertEquals(await list({ job: "j-3" }), []);
});

Deno.test("an agent's commands of any state are found among others, newest first", async () => {
  await using at = await startStore();
  const { store } = at;
  const states = [
    "queued",
    "sent",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    "timed_out",
    "refused",
    "lost",
  ] as const;
  for (const state of states) {
    for (const agent of ["a", "b", "a"]) {
      const id = await create(store, { agent });
      await store.patchCommand({ id, state });
    }
  }
  const list = async (filter: Parameters<typeof store.commands>[0]) =>
    ids(await store.commands(filter));

  for (const [index, state] of states.entries()) {
    const first = BigInt(index * 3 + 1);
    assertEquals(
      await list({ limit: 9, agent: "a", states: [state] }),
      [first + 2n, first],
    );
    assertEquals(
      await list({ limit: 9, agent: "a", states: [state], beforeId: first }),
      [],
    );
  }
  assertEquals(
    await list({ limit: 3, agent: "a", states: ["lost", "queued"] }),
    [27n, 25n, 3n],
  );
  assertEquals((await list({ limit: 99, agent: "a", states })).length, 18);
});

Deno.test("open commands are those that have not ended, or whose end was presumed lately", async () => {
  await using at = await startStore();
  const { store } = at;
  const ended = { finishedAt: 5_000 };
  for (const state of ["queued", "sent", "running"] as const) {
    await create(store, { state });
  }
  const lost = { state: "lost", presumed: true, ...ended } as const;
  await store.patchCommand({ id: await create(store), ...lost });
  await store.patchCommand({ id: await create(store), ...lost, finishedAt: 9 });
  await store.patchCommand({
    id: await create(store),
    ...lost,
    presumed: false,
  });
  await store.patchCommand({
    id: await create(store),
    state: "succeeded",
    ...ended,
  });

  assertEquals(ids(await store.openCommands(5_000)), [1n, 2n, 3n, 4n]);
  assertEquals((await store.stats()).commandsOpen, 3);
});

Deno.test("a read sees the writes that were asked for before it", async () => {
  await using at = await startStore();
  create(at.store);
  const listed = at.store.commands({ limit: 9 });
  at.store.patchCommand({ id: 1n, state: "running" });
  const command = at.store.command(1n);

  assertEquals(ids(await listed), [1n]);
  assertEquals((await command)?.state, "running");
});
