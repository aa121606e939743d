import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { systemRandom } from "../../lib/base/random.ts";
import { moveBy } from "../../lib/manager/jobs/entry_lifecycle.ts";
import { type Admission, Admissions } from "../../lib/store/admissions.ts";
import { Database } from "../../lib/store/database.ts";
import { Meta } from "../../lib/store/meta.ts";
import { migrate } from "../../lib/store/migrate.ts";
import type { NewEvent } from "../../lib/store/records.ts";
import { Tables } from "../../lib/store/tables.ts";
import { newCommand } from "./support.ts";

/** Number of batches that are tried in both ways. */
const BATCHES = 500;

/** Agents of a database. One more name is of none. */
const NAMES = ["web-1", "web-2", "web-3", "db-1"];

const KEY = new Uint8Array(32).fill(7);

/** Tables that a hello may change. */
const CHANGED = [
  "agents",
  "commands",
  "sent_ids",
  "entries",
  "sqlite_sequence",
  "revoked_keys",
  "events",
];

/** Database with agents that have joined, and a command for each. */
function start(): { db: Database; tables: Tables } & Disposable {
  const db = new Database(":memory:");
  migrate(db, ":memory:");
  const tables = new Tables(db, new Meta(db, { random: systemRandom, at: 0 }));
  for (const id of NAMES) {
    const secretHash = new Uint8Array(32).fill(id.length);
    tables.agents.add({ id, groups: [], cidrs: [], addedAt: 1, secretHash });
  }
  tables.agents.tell("db-1", { nextKey: KEY });
  tables.commands.create(
    NAMES.map((agent) => newCommand({ agent })),
    { requestId: "r", job: "j-1" },
  );
  return { db, tables, [Symbol.dispose]: () => db[Symbol.dispose]() };
}

function rowsOf(db: Database): unknown {
  return CHANGED.map((name) => db.all(`SELECT * FROM ${name} ORDER BY 1`));
}

const text = fc.string({ unit: "binary", maxLength: 8 });

const event: fc.Arbitrary<NewEvent> = fc.record({
  at: fc.double({ min: 0, max: 2 ** 41, noNaN: true }),
  kind: fc.constantFrom("agent_connected", "command_lost"),
  agent: fc.option(text),
  commandId: fc.option(fc.bigInt({ min: 1n, max: 2n ** 62n })),
  message: text,
});

const admission: fc.Arbitrary<Admission> = fc.record({
  id: fc.constantFrom(...NAMES),
  hello: fc.record({
    protocol: fc.nat(3),
    version: text,
    facts: fc.dictionary(text, text, { maxKeys: 3 }),
    instance: fc.constantFrom("", "abc"),
    session: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    lastCommandId: fc.constantFrom(0n, 1n, 9n, 2n ** 62n + 1n),
    address: text,
    at: fc.double({ min: 0, max: 2 ** 41, noNaN: true }),
    patches: fc.constantFrom([], [{ id: 2n, state: "lost" as const }]),
    newKey: fc.constantFrom(undefined, {
      publicKey: KEY,
      secretHash: new Uint8Array(32).fill(5),
    }),
    nextKey: fc.constantFrom(undefined, KEY),
    trust: fc.constantFrom(undefined, [], ["00ff"]),
    doubt: fc.constantFrom(undefined, {
      lastJob: 1n,
      move: moveBy("doubted", 5, "the database cannot tell if it ran"),
    }),
    event: fc.option(event, { nil: undefined }),
  }),
});

Deno.test("hellos that are recorded together leave the rows that each alone would leave", () => {
  using together = start();
  using alone = start();
  const bulk = new Admissions(together.tables);
  const single = new Admissions(alone.tables);
  let inBulk = 0;

  fc.assert(
    fc.property(
      fc.uniqueArray(admission, { selector: ({ id }) => id, minLength: 2 }),
      (batch) => {
        together.db.run("BEGIN");
        alone.db.run("BEGIN");
        try {
          const ends = bulk.several(batch);
          // A text that JSON does not keep has all recorded one by one.
          if (ends === undefined) return;
          inBulk++;
          assertEquals(ends, batch.map((each) => single.one(each)));
          assertEquals(rowsOf(together.db), rowsOf(alone.db));
        } finally {
          together.db.run("ROLLBACK");
          alone.db.run("ROLLBACK");
        }
      },
    ),
    { numRuns: BATCHES },
  );
  assert(inBulk > BATCHES / 2, `only ${inBulk} batches were recorded at once`);
});

const HELLO: Admission["hello"] = {
  protocol: 2,
  version: "1",
  facts: {},
  instance: "abc",
  session: 1n,
  lastCommandId: 0n,
  address: "10.0.0.1:1",
  at: 5,
  patches: [],
};

Deno.test("hellos are told apart if one is of no agent, two are of one, or a text is not kept by JSON", () => {
  using at = start();
  const admissions = new Admissions(at.tables);
  const of = (id: string, hello = HELLO) => ({ id, hello });

  const ends = [
    [of("web-1"), of("nobody")],
    [of("web-1"), of("web-1", { ...HELLO, session: 2n })],
    [of("web-1"), of("web-2", { ...HELLO, version: "a\0b" })],
    [of("web-1"), of("web-2")],
  ].map((batch) => {
    at.db.run("BEGIN");
    const end = admissions.several(batch);
    at.db.run("ROLLBACK");
    return end;
  });

  const plain = { moved: [], eventId: undefined };
  assertEquals(ends, [undefined, undefined, undefined, [plain, plain]]);
});

Deno.test("events that are added together have the ids and rows that each alone would get", () => {
  using together = start();
  using alone = start();

  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 30 }), (events) => {
      const records = together.tables.events.addTogether(events);
      const others = events.map((each) => alone.tables.events.add(each));

      assertEquals(records, others);
    }),
    { numRuns: BATCHES },
  );
  assertEquals(rowsOf(together.db), rowsOf(alone.db));
});
