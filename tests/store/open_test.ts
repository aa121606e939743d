import { createHash } from "node:crypto";
import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Database } from "../../lib/store/database.ts";
import { assertCode, create, open, temporaryFolder } from "./support.ts";
import { startHolder } from "./processes.ts";

async function digest(path: string): Promise<string> {
  return createHash("sha256").update(await Deno.readFile(path)).digest("hex");
}

Deno.test("a database keeps its random id", async () => {
  await using folder = await temporaryFolder();
  const ids: string[] = [];
  for (const path of [folder.database, folder.database, ":memory:"]) {
    await using store = await open(path);
    ids.push(store.managerId);
  }

  assertMatch(ids[0] ?? "", /^[0-9a-f]{32}$/);
  assertEquals(ids[1], ids[0]);
  assertNotEquals(ids[2], ids[0]);
});

Deno.test({
  name: "other users can read neither the database nor its log",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await temporaryFolder();
    await Deno.writeFile(folder.database, new Uint8Array(), { mode: 0o644 });
    await using store = await open(folder.database);
    await create(store);

    const modes = ["", "-wal", "-shm", "-lock"].map((suffix) =>
      (Deno.statSync(folder.database + suffix).mode ?? 0) & 0o777
    );
    assertEquals(modes, [0o600, 0o600, 0o600, 0o600]);
  },
});

Deno.test("a reader of a running Manager's database is not locked out", async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.database);
  await create(store);
  using other = new Database(folder.database);

  assertEquals(other.get("PRAGMA journal_mode")?.["journal_mode"], "wal");
  assertEquals(other.get("SELECT agent FROM commands")?.["agent"], "web-1");
});

Deno.test("a second opener in the same process is refused until the first has closed", async () => {
  await using folder = await temporaryFolder();
  {
    await using _store = await open(folder.database);
    await assertRejects(
      () => open(folder.database),
      PiriError,
      "a Manager already runs on this folder",
    );
    await assertCode(open(folder.database), "FAILED_PRECONDITION");
  }
  await using store = await open(folder.database);
  assertEquals(await store.lastCommandId(), 0n);
});

Deno.test("a second process is refused until the first has ended, however it ended", async () => {
  await using folder = await temporaryFolder();
  await using holder = await startHolder(folder.database);
  await assertCode(open(folder.database), "FAILED_PRECONDITION");

  await holder.kill();

  await using store = await open(folder.database);
  assertEquals(await store.lastCommandId(), 0n);
});

Deno.test("a newer schema is refused and left alone", async () => {
  await using folder = await temporaryFolder();
  await (await open(folder.database))[Symbol.asyncDispose]();
  {
    using db = new Database(folder.database);
    db.script("PRAGMA user_version = 999");
  }
  const before = await digest(folder.database);

  await assertRejects(
    () => open(folder.database),
    PiriError,
    "a newer Manager has used it (its schema is version 999",
  );
  await assertCode(open(folder.database), "CORRUPT");
  assertEquals(await digest(folder.database), before);
});

Deno.test("the database of another program is refused and left alone", async () => {
  await using folder = await temporaryFolder();
  {
    using db = new Database(folder.database);
    db.script("CREATE TABLE bookmarks (url TEXT)");
  }
  const before = await digest(folder.database);

  await assertRejects(
    () => open(folder.database),
    PiriError,
    "it is not a Manager's database",
  );
  assertEquals(await digest(folder.database), before);
});

Deno.test("a file that is no database is refused and left alone", async () => {
  await using folder = await temporaryFolder();
  const text = "not a database\n".repeat(500);
  await Deno.writeTextFile(folder.database, text);

  await assertCode(open(folder.database), "CORRUPT");
  assertEquals(await Deno.readTextFile(folder.database), text);
});

Deno.test("a folder that does not exist is an error of the disk", async () => {
  await using folder = await temporaryFolder();
  await assertCode(open(`${folder.path}/no/manager.db`), "DISK");
});

Deno.test("a closed store refuses calls", async () => {
  const store = await open(":memory:");
  await store[Symbol.asyncDispose]();

  await assertCode(store.stats(), "FAILED_PRECONDITION");
  await assertCode(create(store), "FAILED_PRECONDITION");
});

Deno.test("closing a store finishes earlier calls", async () => {
  await using folder = await temporaryFolder();
  const store = await open(folder.database);
  const asked = create(store);
  await store[Symbol.asyncDispose]();

  await using again = await open(folder.database);
  assertEquals((await again.command(await asked))?.agent, "web-1");
});
