import { assertEquals } from "@std/assert";
import { noCounts } from "../../lib/base/job_counts.ts";
import { newRecord } from "../../lib/manager/command/new_record.ts";
import { moveBy } from "../../lib/manager/jobs/entry_lifecycle.ts";
import { Database } from "../../lib/store/database.ts";
import type { JobRecord, NewJob } from "../../lib/store/job_records.ts";
import { migrate, MIGRATIONS } from "../../lib/store/migrate.ts";
import type { Store } from "../../lib/store/store.ts";
import { addAgent, assertCode, create, hash, startStore } from "./support.ts";

/** Job of an echo, with changes. */
function newJob(given: Partial<NewJob> = {}): NewJob {
  return {
    requestId: crypto.randomUUID(),
    targets: { expressions: ["all"] },
    operation: "echo.Echo",
    params: '{"text":"hi"}',
    timeoutMs: 5_000,
    onDisconnect: "kill",
    killAfterMs: 7_000,
    survive: true,
    limits: {
      canaryTargets: [],
      cancelRest: false,
      order: "name",
      supersedeKey: "",
      batch: { percent: 10 },
    },
    name: "night",
    note: "a note",
    signed: null,
    approvedBy: [],
    requestedBy: "root",
    saidBy: "anna",
    tokenId: 5,
    createdAt: 1_000,
    rerunOf: null,
    canaries: 1,
    ...given,
  };
}

async function make(
  store: Store,
  agents: readonly string[],
  given: Partial<NewJob> & { supersedes?: readonly bigint[] } = {},
): Promise<JobRecord> {
  const { supersedes = [], ...job } = given;
  const made = await store.createJob(newJob(job), {
    agents,
    gone: moveBy("removed", 1_000, "the agent was removed"),
    supersedes,
    supersede: moveBy("superseded", 1_000, "job % came"),
  });
  return made.job;
}

/** Starts the entries at these positions, on agents of these names. */
function start(
  store: Store,
  job: bigint,
  entries: Readonly<Record<number, string>>,
): ReturnType<Store["startEntries"]> {
  const agents = Object.values(entries);
  return store.startEntries({
    job,
    move: moveBy("started", 2_000),
    positions: Object.keys(entries).map(Number),
    agents,
    instances: agents.map((name) => `instance of ${name}`),
    sessions: BigUint64Array.from(agents, () => 2n ** 64n - 1n),
    nonces: BigUint64Array.from(agents, (_, index) => BigInt(index) + 7n),
  });
}

async function states(store: Store, job: bigint): Promise<string[]> {
  const entries = await store.jobEntries(job, { from: 0, limit: 99 });
  return entries.map(({ agent, state, reason, commandId }) =>
    [agent, state, reason, commandId ?? ""].join(" ").trim()
  );
}

Deno.test("a job is kept with all its fields and entries, and a repeated request makes none", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const name of ["web-1", "web-2"]) await addAgent(store, name);
  const job = newJob({ requestId: "once" });
  const entries = {
    agents: ["web-2", "web-1", "gone"],
    gone: moveBy("removed", 1_000, "the agent was removed"),
    supersedes: [],
    supersede: moveBy("superseded", 1_000),
  };
  const made = await store.createJob(job, entries);
  const again = await store.createJob({ ...job, name: "other" }, entries);

  assertEquals([made.repeated, again.repeated], [false, true]);
  assertEquals(again.job, made.job);
  assertEquals(await store.job(1n), made.job);
  assertEquals(await store.jobOfRequest("once"), made.job);
  const { requestId, ...fields } = job;
  assertEquals(made.job, {
    ...fields,
    requestId,
    id: 1n,
    state: "running",
    endsAs: null,
    reason: "",
    finishedAt: null,
    cancelRequestedAt: null,
    cancelRequestedBy: "",
    cancelSaidBy: "",
    cancelGraceMs: null,
    total: 3,
    counts: { ...noCounts(3), waiting: 2, skipped: 1 },
  });
  assertEquals(await states(store, 1n), [
    "web-2 waiting",
    "web-1 waiting",
    "gone skipped the agent was removed",
  ]);
  const [first, second] = await store.jobEntries(1n, { from: 0, limit: 2 });
  assertEquals([first?.canary, second?.canary], [true, false]);
});

Deno.test("entries start with ids that follow each other, and the records are those made in memory", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const name of ["a", "b", "c"]) await addAgent(store, name);
  await create(store);
  const job = await make(store, ["a", "b", "c"]);
  await store.moveEntries(job.id, moveBy("skipped", 1_500, "no"), {
    positions: [1],
  });

  const answer = await start(store, job.id, { 0: "a", 1: "b", 2: "c" });

  assertEquals(answer, { firstId: 2n, missed: [1] });
  assertEquals(await states(store, job.id), [
    "a started  2",
    "b skipped no",
    "c started  3",
  ]);
  assertEquals(
    await store.command(3n),
    newRecord(3n, {
      agent: "c",
      operation: job.operation,
      params: job.params,
      nonce: 9n,
      job: "j-1",
      requestedBy: "root",
      saidBy: "anna",
      timeoutMs: 5_000,
      onDisconnect: "kill",
      killAfterMs: 7_000,
      survive: true,
      state: "sent",
      instance: "instance of c",
      session: 2n ** 64n - 1n,
      createdAt: 2_000,
      sentAt: 2_000,
      rerunOf: null,
    }),
  );
  assertEquals((await store.stats()).commandsTotal, 3n);
  const { entries } = await store.eventHistory({
    from: undefined,
    direction: "newer",
    limit: 9,
    filter: { agents: ["c"], kinds: [] },
  });
  assertEquals(entries.map(({ key }) => [key.source, key.id]), [
    ["requested", 3n],
  ]);
});

Deno.test("a start that fails leaves everything as it was", async () => {
  await using at = await startStore();
  const { store } = at;
  await addAgent(store, "a");
  await make(store, ["a"]);
  await assertCode(start(store, 9n, { 0: "a" }), "NOT_FOUND");
  assertEquals(await states(store, 1n), ["a waiting"]);
  assertEquals(await store.lastCommandId(), 0n);
});

for (
  const [what, hello, lost] of [
    ["has had what it was sent", {}, false],
    ["accepted more than it was sent", { lastCommandId: 3n }, true],
    ["has another journal", { instance: "other" }, true],
  ] as const
) {
  const fate = lost ? "lose" : "keep";
  Deno.test(`agents ${fate} entries from before the start if one ${what}`, async () => {
    await using at = await startStore();
    const { store } = at;
    await addAgent(store, "web-1");
    const told = {
      protocol: 2,
      version: "1",
      facts: {},
      instance: "i",
      session: 1n,
      lastCommandId: 0n,
      address: "",
      at: 1_000,
      patches: [],
    };
    await store.admitAgent("web-1", told);
    await create(store);
    const before = await make(store, ["web-1"]);
    const after = await make(store, ["web-1"]);

    const { moved } = await store.admitAgent("web-1", {
      ...told,
      lastCommandId: 1n,
      session: 2n,
      ...hello,
      doubt: { lastJob: before.id, move: moveBy("doubted", 3_000, "?") },
    });

    assertEquals(moved.map(({ job }) => job), lost ? [before.id] : []);
    assertEquals(await states(store, before.id), [
      lost ? "web-1 lost ?" : "web-1 waiting",
    ]);
    assertEquals(await states(store, after.id), ["web-1 waiting"]);
  });
}

Deno.test("an agent that is removed takes its entries with it", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const name of ["a", "b"]) await addAgent(store, name);
  const job = await make(store, ["a", "b"]);
  const moved = await store.removeAgent("a", {
    at: 3_000,
    patches: [],
    entries: moveBy("removed", 3_000, "removed"),
  });

  assertEquals(moved, [
    { job: job.id, position: 0, from: "waiting", to: "skipped" },
  ]);
  assertEquals(await states(store, job.id), ["a skipped removed", "b waiting"]);
});

Deno.test("a job supersedes entries of others for its agents, and names itself", async () => {
  await using at = await startStore();
  const { store } = at;
  for (const name of ["a", "b"]) await addAgent(store, name);
  const old = await make(store, ["a", "b"]);
  await make(store, ["b"], { supersedes: [old.id] });

  assertEquals(await states(store, old.id), [
    "a waiting",
    "b superseded job j-2 came",
  ]);
});

Deno.test("the counts of a job, its open commands and those that may come back are found after a restart", async () => {
  await using at = await startStore();
  const { store } = at;
  const names = ["a", "b", "c", "d", "e"];
  for (const name of names) await addAgent(store, name);
  const job = await make(store, names);
  await start(store, job.id, { 0: "a", 1: "b", 2: "c", 3: "d" });
  await store.patchCommand({ id: 1n, state: "succeeded", finishedAt: 5 });
  await store.patchCommand({
    id: 2n,
    state: "failed",
    presumed: true,
    finishedAt: 5,
  });
  // Another agent of its name may still have it.
  await store.patchCommand({ id: 3n, state: "lost", finishedAt: 5 });
  const ended = await make(store, ["a"]);
  await store.patchJob({ id: ended.id, state: "failed", finishedAt: 5 });

  const [found, ...others] = await store.foundJobs();

  assertEquals(others, []);
  const counts = found?.counts ?? job.counts;
  const { succeeded, failed, lost, running, waiting } = counts;
  assertEquals([succeeded, failed, lost, running, waiting], [1, 1, 1, 1, 1]);
  assertEquals(found?.cursor, 4);
  assertEquals(found?.commands, [
    { id: 2n, position: 1, state: "failed" },
    { id: 3n, position: 2, state: "lost" },
    { id: 4n, position: 3, state: "sent" },
  ]);
  assertEquals((await store.stats()).jobsOpen, 1);
});

Deno.test("sets of a job are by the ends of its entries and their commands", async () => {
  await using at = await startStore();
  const { store } = at;
  const names = ["a", "b", "c", "d", "e", "f"];
  for (const name of names) await addAgent(store, name);
  const { id } = await make(store, names);
  await start(store, id, { 0: "a", 1: "b", 2: "c", 3: "d" });
  for (
    const [command, state] of [
      [1n, "succeeded"],
      [2n, "failed"],
      [3n, "lost"],
    ] as const
  ) {
    await store.patchCommand({ id: command, state, finishedAt: 5 });
  }
  const away = moveBy("unreachable", 5, "away");
  await store.moveEntries(id, away, { positions: [4] });

  for (
    const [set, expected] of [
      ["job", names],
      ["ok", ["a"]],
      ["failed", ["b", "c", "e"]],
      ["lost", ["c"]],
      ["unreachable", ["e"]],
    ] as const
  ) {
    assertEquals(await store.jobAgents(id, set), [...expected]);
  }
  await assertCode(store.jobAgents(9n, "ok"), "NOT_FOUND");
});

Deno.test("an old job goes with its entries, once its commands have gone", async () => {
  await using at = await startStore();
  const { store } = at;
  const names = Array.from({ length: 450 }, (_, index) => `agent-${index}`);
  await Promise.all(names.map((id) =>
    store.addAgent({
      id,
      groups: [],
      cidrs: [],
      addedAt: 1,
      secretHash: hash(1),
    })
  ));
  const old = await make(store, names);
  const kept = await make(store, ["agent-0"]);
  await start(store, kept.id, { 0: "agent-0" });
  await make(store, ["agent-1"]);
  for (const { id } of [old, kept]) {
    await store.patchJob({ id, state: "failed", finishedAt: 1_000 });
  }
  await store.prune({ before: 2_000, outputBytes: 1n << 60n });

  const jobs = await store.jobs({ limit: 9 });
  assertEquals(jobs.map(({ id }) => id), [3n, kept.id]);
  assertEquals(await store.jobEntries(old.id, { from: 0, limit: 9 }), []);
  await store.patchCommand({ id: 1n, state: "failed", finishedAt: 1_500 });
  await store.prune({ before: 2_000, outputBytes: 1n << 60n });
  assertEquals((await store.jobs({ limit: 9 })).map(({ id }) => id), [3n]);
});

Deno.test("an older database keeps its requests, and knows what was sent to whom", () => {
  using db = new Database(":memory:");
  migrate(db, "x", MIGRATIONS.slice(0, 9));
  db.run("INSERT INTO jobs VALUES ('r', 'j', 1, 3, 5)");
  for (
    const [agent, sentAt] of [["a", 5], ["a", 6], ["a", null], ["b", null]]
  ) {
    db.run(
      `INSERT INTO commands
         (agent, operation, params, nonce, job, requested_by, on_disconnect, state, created_at, sent_at)
       VALUES (?, 'echo.Echo', '{}', 1, 'j', '', 'continue', 'queued', 5, ?)`,
      agent ?? null,
      sentAt ?? null,
    );
  }

  migrate(db, "x");

  assertEquals(
    { ...db.get("SELECT request_id, last_id FROM requests") },
    { request_id: "r", last_id: 3n },
  );
  assertEquals(
    db.all("SELECT agent, last_id FROM sent_ids").map((row) => ({ ...row })),
    [{ agent: "a", last_id: 2n }],
  );
});

Deno.test("entries at positions come in the asked order, with their commands, and missing ones do not", async () => {
  await using made = await startStore();
  const { store } = made;
  for (const name of ["web-1", "web-2", "web-3"]) await addAgent(store, name);
  const { id } = await make(store, ["web-1", "web-2", "web-3"]);
  await start(store, id, { 2: "web-3", 0: "web-1" });

  const entries = await store.jobEntries(id, { positions: [2, 1, 9, 0, 2] });
  assertEquals(
    entries.map(({ position, agent, command }) => [
      position,
      agent,
      command?.agent ?? null,
    ]),
    [
      [2, "web-3", "web-3"],
      [1, "web-2", null],
      [0, "web-1", "web-1"],
      [2, "web-3", "web-3"],
    ],
  );
});
