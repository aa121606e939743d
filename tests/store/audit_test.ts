import { assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { entryHash } from "../../lib/store/audit_chain.ts";
import type { AuditCheck, AuditRecord } from "../../lib/store/audit_records.ts";
import type { Store } from "../../lib/store/store.ts";
import {
  addAgent,
  anEntry,
  open,
  startStore,
  temporaryFolder,
} from "./support.ts";
import { writeUntilKilled } from "./processes.ts";

/** Checks the chain from its beginning to its end. */
async function checked(store: Store): Promise<AuditCheck> {
  let check = await store.checkAudit();
  while (!check.done) check = await store.checkAudit(check.reached);
  return check;
}

/** Finding about a chain of `count` entries that was edited in the file, as text. */
async function findingAfter(
  edit: (db: DatabaseSync, managerId: string) => void,
  count = 5,
): Promise<string> {
  await using folder = await temporaryFolder();
  let managerId = "";
  {
    await using store = await open(folder.database);
    managerId = store.managerId;
    await Promise.all(
      Array.from(
        { length: count },
        (_, index) =>
          store.recordAudit(anEntry({ target: `web-${index + 1}` })),
      ),
    );
  }
  {
    using db = new DatabaseSync(folder.database);
    edit(db, managerId);
  }
  await using store = await open(folder.database);
  const { finding, reached } = await checked(store);
  return finding === undefined
    ? `${reached.id} entries, whole`
    : `${finding.kind} ${finding.id}: ${finding.message}`;
}

Deno.test("a chain that nobody edited is whole, also when it is empty", async () => {
  assertEquals(await findingAfter(() => {}), "5 entries, whole");
  assertEquals(await findingAfter(() => {}, 0), "0 entries, whole");
});

for (
  const column of [
    "who",
    "credential",
    "origin",
    "act",
    "target",
    "operation",
    "decision",
    "rule",
    "outcome",
    "note",
  ]
) {
  Deno.test(`another value of ${column} is found`, async () => {
    assertEquals(
      await findingAfter((db) =>
        db.exec(`UPDATE audit SET ${column} = 'x' WHERE id = 3`)
      ),
      "changed 3: entry 3 is not as it was recorded",
    );
  });
}

for (const change of ["at = at + 1", "statement = x'00'", "hash = x'00'"]) {
  Deno.test(`an entry with another ${change.split(" ")[0]} is found`, async () => {
    assertEquals(
      await findingAfter((db) =>
        db.exec(`UPDATE audit SET ${change} WHERE id = 3`)
      ),
      "changed 3: entry 3 is not as it was recorded",
    );
  });
}

Deno.test("bytes that move from one field into the next are found", async () => {
  assertEquals(
    await findingAfter((db) =>
      db.exec(
        "UPDATE audit SET who = 'ann', credential = 'asocket' WHERE id = 3",
      )
    ),
    "changed 3: entry 3 is not as it was recorded",
  );
});

Deno.test("a removed entry is found", async () => {
  assertEquals(
    await findingAfter((db) => db.exec("DELETE FROM audit WHERE id = 3")),
    "removed 3: entry 3 is missing",
  );
  assertEquals(
    await findingAfter((db) => db.exec("DELETE FROM audit WHERE id < 3")),
    "removed 1: entries 1 to 2 are missing",
  );
});

Deno.test("a removed entry is found if those after it were renumbered", async () => {
  assertEquals(
    await findingAfter((db) =>
      db.exec(`DELETE FROM audit WHERE id = 3;
        UPDATE audit SET id = 3 WHERE id = 4; UPDATE audit SET id = 4 WHERE id = 5`)
    ),
    "changed 3: entry 3 is not as it was recorded",
  );
});

/** Copies an entry to another place. */
function copy(db: DatabaseSync, from: number, to: number): void {
  db.exec(`CREATE TEMP TABLE one AS SELECT * FROM audit WHERE id = ${from};
    UPDATE one SET id = ${to}; INSERT INTO audit SELECT * FROM one`);
}

Deno.test("an entry that was put in is found", async () => {
  assertEquals(
    await findingAfter((db) => {
      db.exec(
        "UPDATE audit SET id = 6 WHERE id = 5; UPDATE audit SET id = 5 WHERE id = 4",
      );
      copy(db, 3, 4);
    }),
    "added 4: entry 4 was put in afterwards",
  );
  assertEquals(
    await findingAfter((db) => copy(db, 3, 0)),
    "added 1: entry 1 was put in afterwards",
  );
});

Deno.test("an entry that was put in at the end is found, with a right hash or a wrong one", async () => {
  assertEquals(
    await findingAfter((db) => copy(db, 5, 6)),
    "changed 6: entry 6 is not as it was recorded",
  );
  assertEquals(
    await findingAfter((db) => {
      copy(db, 5, 6);
      rebuild(db, { from: 6 });
    }),
    "added 6: entry 6 was put in afterwards: only 5 entries were recorded",
  );
});

Deno.test("a cut end is found", async () => {
  assertEquals(
    await findingAfter((db) => db.exec("DELETE FROM audit WHERE id > 3")),
    "cut 4: the end is missing: 5 entries were recorded, and there are 3",
  );
  assertEquals(
    await findingAfter((db) => db.exec("DELETE FROM audit")),
    "cut 1: the end is missing: 5 entries were recorded, and there are 0",
  );
});

Deno.test("a chain with new hashes from an entry on is found at its end", async () => {
  assertEquals(
    await findingAfter((db) => {
      db.exec("UPDATE audit SET who = 'eve' WHERE id = 3");
      rebuild(db, { from: 3 });
    }),
    "changed 5: entry 5 is not as it was recorded",
  );
});

Deno.test("a chain that was made anew with its end is not found: that takes a signature", async () => {
  assertEquals(
    await findingAfter((db) => {
      db.exec("UPDATE audit SET who = 'eve' WHERE id = 3");
      const hash = rebuild(db, { from: 3 });
      db.prepare("UPDATE meta SET audit_head = ?").run(hash);
    }),
    "5 entries, whole",
  );
});

Deno.test("a chain of another Manager is found", async () => {
  assertEquals(
    await findingAfter((db) => db.exec("UPDATE meta SET manager_id = 'other'")),
    "changed 1: entry 1 is not as it was recorded",
  );
});

/** Makes the hashes anew from an entry on, as somebody with the file can. Returns the last one. */
function rebuild(db: DatabaseSync, { from }: { from: number }): Uint8Array {
  const before = db.prepare("SELECT hash FROM audit WHERE id = ?").get(
    from - 1,
  );
  let hash = before?.["hash"] as Uint8Array;
  for (
    const row of db.prepare("SELECT * FROM audit WHERE id >= ? ORDER BY id")
      .all(from)
  ) {
    hash = entryHash(hash, row as unknown as AuditRecord);
    db.prepare("UPDATE audit SET hash = ? WHERE id = ?").run(
      hash,
      Number(row["id"]),
    );
  }
  return hash;
}

Deno.test("an act that fails has no entry, and the chain goes on", async () => {
  await using parts = await startStore();
  const { store } = parts;
  await addAgent(store, "web-1");
  const agent = {
    groups: [],
    cidrs: [],
    addedAt: 1,
    secretHash: new Uint8Array(32),
  };

  const results = await Promise.allSettled([
    store.addAgent({ ...agent, id: "web-2" }, anEntry({ target: "web-2" })),
    store.addAgent({ ...agent, id: "web-1" }, anEntry({ target: "web-1" })),
    store.addAgent({ ...agent, id: "web-3" }, anEntry({ target: "web-3" })),
  ]);

  assertEquals(results.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  const { entries } = await store.auditPage({
    direction: "newer",
    limit: 10,
    filter: {},
  });
  assertEquals(entries.map(({ id, target }) => [id, target]), [
    [1n, "web-2"],
    [2n, "web-3"],
  ]);
  assertEquals((await checked(store)).finding, undefined);
});

Deno.test("an act whose entry cannot be written does not happen", async () => {
  await using folder = await temporaryFolder();
  await (await open(folder.database))[Symbol.asyncDispose]();
  {
    using db = new DatabaseSync(folder.database);
    db.exec(`CREATE TRIGGER no_audit BEFORE INSERT ON audit
      BEGIN SELECT RAISE(ABORT, 'no'); END`);
  }
  await using store = await open(folder.database);
  const agent = { id: "web-1", groups: [], cidrs: [], addedAt: 1 };
  const secretHash = new Uint8Array(32);

  await assertRejects(() =>
    store.addAgent({ ...agent, secretHash }, anEntry())
  );

  assertEquals(await store.agents(), []);
});

Deno.test("the audit is listed by who, act, one of several targets and time, in both directions", async () => {
  await using parts = await startStore();
  const { store } = parts;
  await Promise.all([
    store.recordAudit(anEntry({ target: "web-1, web-2", at: 1_000 })),
    store.recordAudit(anEntry({ target: "web-1", who: "ben", at: 2_000 })),
    store.recordAudit(anEntry({ target: "web-11", act: "Run", at: 3_000 })),
  ]);
  const ids = async (
    filter: Parameters<Store["auditPage"]>[0]["filter"],
    range: Partial<Parameters<Store["auditPage"]>[0]> = {},
  ) => {
    const page = { direction: "older", limit: 10, filter, ...range } as const;
    const { entries } = await store.auditPage(page);
    return entries.map(({ id }) => Number(id));
  };

  assertEquals(await ids({}), [3, 2, 1]);
  assertEquals(await ids({}, { direction: "newer" }), [1, 2, 3]);
  assertEquals(await ids({}, { from: 3n }), [2, 1]);
  assertEquals(await ids({}, { from: 1n, direction: "newer" }), [2, 3]);
  assertEquals(await ids({}, { limit: 2 }), [3, 2]);
  assertEquals(await ids({ who: "ben" }), [2]);
  assertEquals(await ids({ act: "Run" }), [3]);
  assertEquals(await ids({ target: "web-1" }), [2, 1]);
  assertEquals(await ids({ target: "web-2" }), [1]);
  assertEquals(await ids({ since: 2_000 }), [3, 2]);
});

Deno.test("a long audit is listed and checked in parts, and nothing is left out", async () => {
  await using parts = await startStore();
  const { store } = parts;
  const count = 12_000;
  await Promise.all(
    Array.from(
      { length: count },
      (_, index) =>
        store.recordAudit(anEntry({ who: index === 0 ? "ben" : "" })),
    ),
  );
  const found: bigint[] = [];
  let pages = 0;
  let from: bigint | undefined;
  do {
    const page = { from, direction: "older", limit: 10 } as const;
    const { entries, reached } = await store.auditPage({
      ...page,
      filter: { who: "ben" },
    });
    found.push(...entries.map(({ id }) => id));
    from = reached;
    pages++;
  } while (from !== undefined);

  assertEquals([found, pages], [[1n], 3]);
  assertEquals((await store.checkAudit()).done, false);
  assertEquals(await checked(store).then(({ reached }) => reached.id), 12_000n);
});

Deno.test("the audit is kept when the history is pruned", async () => {
  await using parts = await startStore();
  const { store } = parts;
  await store.recordAudit(anEntry({ at: 1 }));

  await store.prune({ before: 1_000_000, outputBytes: 0n });

  assertEquals((await checked(store)).reached.id, 1n);
});

Deno.test("a Manager that is killed has an entry for each act on the disk, and none without its act", async () => {
  await using folder = await temporaryFolder();
  let acknowledged = 0;
  for (const count of [50, 200, 400]) {
    const told = await writeUntilKilled(folder.database, count, "ask");
    acknowledged += told.length;
  }

  await using store = await open(folder.database);
  const agents = (await store.agents()).map(({ id }) => id);
  const { entries } = await store.auditPage({
    direction: "newer",
    limit: 5_000,
    filter: {},
  });

  assertGreaterOrEqual(acknowledged, 640);
  assertGreaterOrEqual(agents.length, acknowledged);
  assertEquals(
    entries.map(({ target }) => target).toSorted(),
    agents.toSorted(),
  );
  assertEquals((await checked(store)).finding, undefined);
});
