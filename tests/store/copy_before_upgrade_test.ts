import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Database } from "../../lib/store/database.ts";
import { migrate, MIGRATIONS } from "../../lib/store/migrate.ts";
import { open, openKeeping, openNoting, temporaryFolder } from "./support.ts";

/** Database of an earlier version, with one command. */
function earlier(path: string, version: number): void {
  using db = new Database(path);
  migrate(db, path, MIGRATIONS.slice(0, version));
  db.run(
    `INSERT INTO commands
       (agent, operation, params, nonce, job, requested_by, on_disconnect, state, created_at)
     VALUES ('web-1', 'echo.Echo', '{}', 1, 'j', '', 'continue', 'queued', 5)`,
  );
}

function versionOf(path: string): unknown {
  using db = new Database(path);
  return db.get("PRAGMA user_version")?.["user_version"];
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.includes("version")).toSorted();
}

Deno.test("a database of an earlier version is copied before it is changed, once", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  earlier(database, 20);
  const copies: string[] = [];

  for (let start = 0; start < 2; start++) {
    await using _store = await openNoting(database, copies);
  }

  const copy = `${database}-version-20`;
  assertEquals(copies, [copy]);
  assertEquals([versionOf(copy), versionOf(database)], [
    20n,
    BigInt(MIGRATIONS.length),
  ]);
  using db = new Database(copy);
  assertEquals(db.get("SELECT agent FROM commands")?.["agent"], "web-1");
  if (Deno.build.os !== "windows") {
    assertEquals((Deno.statSync(copy).mode ?? 0) & 0o777, 0o600);
  }
});

Deno.test("one copy stays: the newest", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  await Deno.writeTextFile(`${database}-version-3`, "of an earlier upgrade");
  await Deno.writeTextFile(`${database}-version-20.tmp`, "unfinished");
  earlier(database, 20);
  await using _store = await open(database);

  assertEquals(names(folder.path), ["manager.db-version-20"]);
});

Deno.test("the copy that leads back to the version before stays, too", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  for (const version of [18, 19]) {
    await Deno.writeTextFile(`${database}-version-${version}`, "a copy");
  }
  earlier(database, 20);
  await using _store = await openKeeping(database, 18);

  assertEquals(names(folder.path), [
    "manager.db-version-18",
    "manager.db-version-20",
  ]);
});

Deno.test("a new database has no copy", async () => {
  await using folder = await temporaryFolder();
  await using _store = await open(folder.database);

  assertEquals(names(folder.path), []);
});

Deno.test("a database that cannot be copied is not changed", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  earlier(database, 20);
  // Nothing can be made in the place of a folder that is not empty.
  await Deno.mkdir(`${database}-version-20.tmp/x`, { recursive: true });

  const error = await assertRejects(() => open(database), PiriError);

  assertEquals(error.code, "DISK");
  assertEquals(
    error.message.startsWith(
      `Cannot copy "${database}" before this version changes it: `,
    ),
    true,
  );
  assertEquals(versionOf(database), 20n);
});
