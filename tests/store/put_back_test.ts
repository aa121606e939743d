import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Database } from "../../lib/store/database.ts";
import { migrate, MIGRATIONS } from "../../lib/store/migrate.ts";
import { putBackCopy } from "../../lib/store/put_back.ts";
import {
  NEWEST_SCHEMA,
  schemaVersion,
} from "../../lib/store/schema_version.ts";
import { open, temporaryFolder } from "./support.ts";

const BACK = { schema: 20, by: "0.3.0" };

/** Database of an earlier version that this one has opened, and so copied and changed. */
async function upgraded(database: string): Promise<void> {
  {
    using db = new Database(database);
    migrate(db, database, MIGRATIONS.slice(0, 20));
    addAgent(db, "before");
  }
  await using _store = await open(database);
}

function addAgent(db: Database, id: string): void {
  db.run(
    "INSERT INTO agents (id, groups, cidrs, added_at) VALUES (?, '[]', '[]', 1)",
    id,
  );
}

function agentsOf(path: string): unknown[] {
  using db = new Database(path);
  return db.all("SELECT id FROM agents ORDER BY id").map(({ id }) => id);
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => !name.endsWith("-lock") && !name.endsWith("-output"))
    .toSorted();
}

Deno.test("the copy from before takes the place of the database, which stays under another name", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  await upgraded(database);
  {
    using db = new Database(database);
    addAgent(db, "since");
  }
  const aside = await putBackCopy(database, BACK);

  assertEquals(aside, `${database}-of-0.3.0`);
  assertEquals(names(folder.path), ["manager.db", "manager.db-of-0.3.0"]);
  assertEquals(await schemaVersion(database), 20);
  assertEquals(await schemaVersion(aside), NEWEST_SCHEMA);
  assertEquals(agentsOf(database), ["before"]);
  assertEquals(agentsOf(aside), ["before", "since"]);
});

Deno.test("the log of the database stays with it, and does not get into the copy", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  await upgraded(database);
  const wal = `${database}-wal`;
  let log: Uint8Array<ArrayBuffer>;
  {
    using db = new Database(database);
    addAgent(db, "since");
    log = await Deno.readFile(wal);
  }
  // As a process leaves it that was killed.
  await Deno.writeFile(wal, log);
  const aside = await putBackCopy(database, BACK);

  assertEquals(agentsOf(database), ["before"]);
  assertEquals(await Deno.readFile(`${aside}-wal`), log);
  assertEquals(agentsOf(aside), ["before", "since"]);
});

Deno.test("a database that stays under a name keeps it from others", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  for (const number of ["", "-2", "-3"]) {
    await upgraded2(database);
    assertEquals(
      await putBackCopy(database, BACK),
      `${database}-of-0.3.0${number}`,
    );
  }
});

/** The same, whether or not there is a database of the earlier version already. */
async function upgraded2(database: string): Promise<void> {
  if (await schemaVersion(database) === undefined) {
    return await upgraded(database);
  }
  await using _store = await open(database);
}

Deno.test("an attempt that was interrupted is completed, and gives no second name", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  await upgraded(database);
  await Deno.link(database, `${database}-of-0.3.0`);
  await putBackCopy(database, BACK);

  assertEquals(names(folder.path), ["manager.db", "manager.db-of-0.3.0"]);
  assertEquals(await schemaVersion(database), 20);
});

Deno.test("a database without a copy stays as it is", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  await upgraded(database);

  await assertRejects(
    () => putBackCopy(database, { ...BACK, schema: 19 }),
    PiriError,
    `Cannot put the database back: there is no "${database}-version-19"`,
  );
  assertEquals(await schemaVersion(database), NEWEST_SCHEMA);
});

Deno.test("a database that a Manager uses is not replaced", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  await upgraded(database);
  await using _store = await open(database);

  await assertRejects(
    () => putBackCopy(database, BACK),
    PiriError,
    "a Manager runs",
  );
});

Deno.test("the version of a schema is that of any Manager's database, and of nothing else", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  assertEquals(await schemaVersion(database), undefined);
  {
    using db = new Database(database);
    db.script("PRAGMA user_version = 3");
  }
  assertEquals(await schemaVersion(database), undefined);
  assertEquals(names(folder.path), ["manager.db"]);
});
