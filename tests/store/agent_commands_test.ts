import { assert, assertEquals, assertGreater } from "@std/assert";
import { systemRandom } from "../../lib/base/random.ts";
import { LISTED_TOGETHER } from "../../lib/store/agent_commands.ts";
import { CommandLister } from "../../lib/store/command_lister.ts";
import { Database } from "../../lib/store/database.ts";
import { Meta } from "../../lib/store/meta.ts";
import { agentCommands } from "../../lib/store/migrations/0037_agent_commands.ts";
import { migrate, MIGRATIONS } from "../../lib/store/migrate.ts";
import { Tables } from "../../lib/store/tables.ts";
import { Writer } from "../../lib/store/writer.ts";
import { newCommand } from "./support.ts";

/** Newest commands, without a page before. */
const ALL = { beforeId: 2n ** 63n - 1n, limit: 100_000 };

function start(db = new Database(":memory:")) {
  migrate(db, ":memory:");
  const tables = new Tables(db, new Meta(db, { random: systemRandom, at: 0 }));
  const { agentCommands } = tables;
  const writer = new Writer(db);
  return {
    db,
    tables,
    agentCommands,
    writer,
    lister: new CommandLister(agentCommands, writer),
    [Symbol.dispose]: () => db[Symbol.dispose](),
  };
}

/** Makes a command for each agent. */
function make({ commands }: Tables, agents: readonly string[]): void {
  const request = { requestId: crypto.randomUUID(), job: "j-1" };
  commands.create(
    agents.map((agent) => newCommand({ agent })),
    request,
  );
}

function listedTo(db: Database): bigint {
  return db.get("SELECT listed_to FROM meta")?.["listed_to"] as bigint;
}

/** Ids of all commands that are not listed. */
function unlisted({ agentCommands }: ReturnType<typeof start>): bigint[] {
  return agentCommands.unlistedAfter(0n, 100).map(([, id]) => id);
}

function rows(db: Database): unknown[] {
  return db.cells("SELECT agent, id FROM agent_commands ORDER BY agent, id");
}

Deno.test("commands of an agent are found before, while and after they are listed", () => {
  using at = start();
  const { agentCommands, tables } = at;
  make(tables, ["b", "a", "b", "a"]);
  const before = agentCommands.ids("a", ALL);
  agentCommands.list(unlisted(at).slice(0, 1));
  const during = agentCommands.ids("a", ALL);
  agentCommands.list(unlisted(at));
  agentCommands.noteListedTo(4n);
  make(tables, ["a"]);

  assertEquals(before, [4n, 2n]);
  assertEquals(during, [4n, 2n]);
  assertEquals(agentCommands.ids("a", ALL), [5n, 4n, 2n]);
  assertEquals(agentCommands.ids("a", { beforeId: 5n, limit: 1 }), [4n]);
  assertEquals(agentCommands.ids("c", ALL), []);
});

Deno.test("commands that succeeded are found before, while and after they are listed", () => {
  using at = start();
  const { agentCommands, tables } = at;
  make(tables, ["b", "a", "b", "a", "a"]);
  for (const id of [1n, 2n, 5n]) {
    tables.commands.patch({ id, state: "succeeded" });
  }
  const find = () => agentCommands.idsIn("succeeded", "a", ALL);

  const before = find();
  agentCommands.list([2n, 4n]);
  const during = find();
  agentCommands.list([5n, 1n, 3n]);
  agentCommands.noteListedTo(5n);

  assertEquals([before, during, find()], [[5n, 2n], [5n, 2n], [5n, 2n]]);
});

Deno.test("many commands are listed in slices, in the order of their agents", async () => {
  using at = start();
  const agents = Array.from({ length: LISTED_TOGETHER }, (_, i) => `w${i % 7}`);
  make(at.tables, agents);

  at.lister.added();
  await at.lister.idle();

  const wanted = at.db.cells(
    "SELECT agent, id FROM commands ORDER BY agent, id",
  );
  assertEquals(rows(at.db).length, LISTED_TOGETHER);
  assertEquals(rows(at.db), wanted);
});

Deno.test("few commands are listed when somebody asks, and not when more are made", async () => {
  using at = start();
  make(at.tables, Array.from({ length: 3_000 }, (_, i) => `w${i % 7}`));

  at.lister.added();
  await at.lister.idle();
  const afterMore = rows(at.db).length;
  at.lister.asked();
  await at.lister.idle();

  assertEquals(afterMore, 0);
  assertEquals(rows(at.db).length, 3_000);
});

Deno.test("commands that are deleted or renamed while others are listed leave no wrong entries", () => {
  using at = start();
  const { agentCommands, tables, db } = at;
  make(tables, ["a", "b", "a", "c"]);
  const ids = unlisted(at);
  agentCommands.forget(1n);
  db.run("DELETE FROM commands WHERE id = 1");
  agentCommands.rename("b", "d");

  agentCommands.list(ids);
  agentCommands.noteListedTo(4n);

  assertEquals(rows(db), [["a", 3n], ["c", 4n], ["d", 2n]]);
  assertEquals(agentCommands.ids("d", ALL), [2n]);
  assertEquals(agentCommands.ids("b", ALL), []);
});

Deno.test("an agent is renamed in commands that are listed and in those that are not", () => {
  using at = start();
  const { agentCommands, tables, db } = at;
  make(tables, ["a", "b", "a"]);
  agentCommands.list(unlisted(at));
  agentCommands.noteListedTo(3n);
  make(tables, ["a", "b"]);

  agentCommands.rename("a", "z");

  assertEquals(agentCommands.ids("z", ALL), [4n, 3n, 1n]);
  assertEquals(
    db.cells("SELECT id FROM commands WHERE agent = 'z' ORDER BY id"),
    [[1n], [3n], [4n]],
  );
  assertEquals(agentCommands.ids("a", ALL), []);
});

Deno.test("a deleted command is forgotten", () => {
  using at = start();
  const { agentCommands, tables, db } = at;
  make(tables, ["a", "a"]);
  agentCommands.list(unlisted(at));
  agentCommands.noteListedTo(2n);

  agentCommands.forget(1n);

  assertEquals(rows(db), [["a", 2n]]);
});

Deno.test("a list that fails is tried again with the next commands", async () => {
  using at = start();
  make(
    at.tables,
    Array.from({ length: LISTED_TOGETHER }, (_, i) => `w${i % 7}`),
  );
  at.db.script("ALTER TABLE agent_commands RENAME TO away");
  at.lister.added();
  await at.lister.idle();
  at.db.script("ALTER TABLE away RENAME TO agent_commands");

  at.lister.added();
  await at.lister.idle();

  assertEquals(rows(at.db).length, LISTED_TOGETHER);
});

Deno.test("commands of an older database are listed when it is opened", () => {
  using db = new Database(":memory:");
  migrate(db, "x", MIGRATIONS.slice(0, MIGRATIONS.indexOf(agentCommands)));
  new Meta(db, { random: systemRandom, at: 0 });
  for (const agent of ["b", "a", "b"]) {
    db.run(
      `INSERT INTO commands
         (agent, operation, params, nonce, job, requested_by, on_disconnect, state, created_at)
       VALUES (?, 'echo.Echo', '{}', 1, 'j', '', 'continue', 'queued', 5)`,
      agent,
    );
  }

  migrate(db, "x");

  assertEquals(rows(db), [["a", 2n], ["b", 1n], ["b", 3n]]);
  assertEquals(listedTo(db), 3n);
});

Deno.test("questions by agent read no command of another one that is listed", () => {
  using at = start();
  const plan = at.db.all(
    "EXPLAIN QUERY PLAN SELECT id FROM agent_commands WHERE agent = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
    "a",
    9n,
    1n,
  ).map(({ detail }) => String(detail));

  assertGreater(plan.length, 0);
  assert(plan.every((line) => line.startsWith("SEARCH")), plan.join("\n"));
});
