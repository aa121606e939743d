import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Database } from "../../lib/store/database.ts";
import { Issuers } from "../../lib/store/issuers.ts";
import { migrate, MIGRATIONS } from "../../lib/store/migrate.ts";
import { Operators } from "../../lib/store/operators.ts";

/** Version 1, as it was released. */
const [RELEASED = ""] = MIGRATIONS;

const FIRST = "CREATE TABLE one (n INTEGER); INSERT INTO one VALUES (1);";
const SECOND = "ALTER TABLE one ADD COLUMN m INTEGER; UPDATE one SET m = 2;";

function version(db: Database): unknown {
  return db.get("PRAGMA user_version")?.["user_version"];
}

Deno.test("missing migrations are applied, each once", () => {
  using db = new Database(":memory:");
  migrate(db, "x", [FIRST]);
  assertEquals(version(db), 1n);

  migrate(db, "x", [FIRST, SECOND]);
  migrate(db, "x", [FIRST, SECOND]);

  assertEquals(version(db), 2n);
  assertEquals({ ...db.get("SELECT n, m FROM one") }, { n: 1n, m: 2n });
});

Deno.test("a migration that fails half way leaves the earlier version", () => {
  using db = new Database(":memory:");
  migrate(db, "x", [FIRST]);

  assertThrows(() =>
    migrate(db, "x", [FIRST, "CREATE TABLE two (n INTEGER); nonsense;"])
  );

  assertEquals(version(db), 1n);
  assertEquals(
    db.all("SELECT name FROM sqlite_schema").map((row) => row["name"]),
    ["one"],
  );
  migrate(db, "x", [FIRST, SECOND]);
  assertEquals(version(db), 2n);
});

Deno.test("a migration that fails takes those before it back", () => {
  using db = new Database(":memory:");
  migrate(db, "x", [FIRST]);

  assertThrows(() => migrate(db, "x", [FIRST, SECOND, "nonsense"]));

  assertEquals(version(db), 1n);
  assertEquals({ ...db.get("SELECT * FROM one") }, { n: 1n });
});

Deno.test("a database of a newer version is refused", () => {
  using db = new Database(":memory:");
  migrate(db, "x", [FIRST, SECOND]);

  assertThrows(
    () => migrate(db, "x", [FIRST]),
    PiriError,
    'Cannot open "x": a newer Manager has used it (its schema is version 2, this Manager knows versions up to 1)',
  );
});

Deno.test("commands of a database of version 1 stay, and repeat none", () => {
  using db = new Database(":memory:");
  migrate(db, "x", [RELEASED]);
  db.run(
    `INSERT INTO commands
       (agent, operation, params, nonce, job, requested_by, on_disconnect, state, created_at)
     VALUES ('web-1', 'echo.Echo', '{}', 1, 'j', '', 'continue', 'queued', 5)`,
  );

  migrate(db, "x");

  assertEquals(version(db), BigInt(MIGRATIONS.length));
  assertEquals(
    { ...db.get("SELECT agent, rerun_of, finished_at FROM commands") },
    { agent: "web-1", rerun_of: null, finished_at: null },
  );
});

Deno.test("commands that had ended badly before the index existed are found by it", () => {
  using db = new Database(":memory:");
  migrate(db, "x", MIGRATIONS.slice(0, 4));
  for (const state of ["failed", "succeeded", "lost", "running"]) {
    db.run(
      `INSERT INTO commands
         (agent, operation, params, nonce, job, requested_by, on_disconnect, state, created_at)
       VALUES ('web-1', 'echo.Echo', '{}', 1, 'j', '', 'continue', ?, 5)`,
      state,
    );
  }

  migrate(db, "x");

  const found = db.all(
    `SELECT state FROM commands INDEXED BY commands_ended_badly
       WHERE agent = 'web-1' AND state IN ('failed', 'cancelled', 'timed_out', 'refused', 'lost')
       ORDER BY id`,
  );
  assertEquals(found.map(({ state }) => state), ["failed", "lost"]);
});

Deno.test("names that clients gave themselves before there were proofs are kept as such", () => {
  using db = new Database(":memory:");
  migrate(db, "x", MIGRATIONS.slice(0, 6));
  for (
    const [by, cancelledAt, cancelledBy] of [
      ["ann", 7, "ben"],
      ["", 7, ""],
      ["ann", null, ""],
    ] as const
  ) {
    db.run(
      `INSERT INTO commands
         (agent, operation, params, nonce, job, requested_by, on_disconnect, state, created_at,
          cancel_requested_at, cancel_requested_by, given_up_at, given_up_by)
       VALUES ('web-1', 'echo.Echo', '{}', 1, 'j', ?, 'continue', 'queued', 5, ?, ?, ?, ?)`,
      by,
      cancelledAt,
      cancelledBy,
      cancelledAt,
      cancelledBy,
    );
  }

  migrate(db, "x");

  assertEquals(
    db.all(
      `SELECT requested_by, said_by, cancel_requested_by, cancel_said_by,
              given_up_by, given_up_said_by
         FROM commands ORDER BY id`,
    ).map((row) => Object.values(row)),
    [
      ["local", "ann", "local", "ben", "local", "ben"],
      ["local", "", "local", "", "local", ""],
      ["local", "ann", "", "", "", ""],
    ],
  );
});

Deno.test("agents of an older database are not retired, and have no facts set", () => {
  using db = new Database(":memory:");
  migrate(db, "x", MIGRATIONS.slice(0, 9));
  db.run(
    "INSERT INTO agents (id, groups, cidrs, added_at) VALUES ('web-1', '[]', '[]', 1)",
  );

  migrate(db, "x");

  assertEquals(
    { ...db.get("SELECT id, retired, set_facts FROM agents") },
    { id: "web-1", retired: 0n, set_facts: "{}" },
  );
});

Deno.test("operators of an older database are people, and their tokens stay good", () => {
  using db = new Database(":memory:");
  migrate(db, "x", MIGRATIONS.slice(0, 15));
  db.script(`
    INSERT INTO operators VALUES ('alice', 'admin', 0, 1);
    INSERT INTO operator_tokens
      (operator, hash, is_code, life_ms, created_at, expires_at)
      VALUES ('alice', x'01', 0, 5, 1, 6);
  `);

  migrate(db, "x");

  const [alice] = new Operators(db, new Issuers(db)).all();
  assertEquals([alice?.name, alice?.ci], ["alice", null]);
  assertEquals(alice?.tokens.map(({ hash, run }) => [hash[0], run]), [[1, ""]]);
});
