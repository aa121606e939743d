import { assert, assertEquals, assertGreater } from "@std/assert";
import fc from "fast-check";
import { systemRandom } from "../../lib/base/random.ts";
import { moveBy } from "../../lib/manager/jobs/entry_lifecycle.ts";
import { Database, type SqlValue } from "../../lib/store/database.ts";
import { Entries } from "../../lib/store/entries.ts";
import { Meta } from "../../lib/store/meta.ts";
import { migrate } from "../../lib/store/migrate.ts";
import type { CommandPatch, NewCommand } from "../../lib/store/records.ts";
import { Tables } from "../../lib/store/tables.ts";
import { newCommand } from "./support.ts";

/** Number of histories that are tried in both ways. */
const HISTORIES = 10_000;

/** Commands of a history: ids from 1 on. The id after them is of none. */
const COMMANDS = 4;

const OK = { state: "succeeded", exitCode: 0, changed: true } as const;

/** Database that counts its statements. */
class CountingDatabase extends Database {
  runs = 0;

  override run(sql: string, ...values: SqlValue[]) {
    this.runs += 1;
    return super.run(sql, ...values);
  }
}

function start(): { db: CountingDatabase; tables: Tables } & Disposable {
  const db = new CountingDatabase(":memory:");
  migrate(db, ":memory:");
  const meta = new Meta(db, { random: systemRandom, at: 0 });
  return {
    db,
    tables: new Tables(db, meta),
    [Symbol.dispose]: () => db[Symbol.dispose](),
  };
}

function create(
  { commands }: Tables,
  made: readonly NewCommand[],
): readonly bigint[] {
  const request = { requestId: crypto.randomUUID(), job: "j-1" };
  return commands.create(made, request).commands.map(({ id }) => id);
}

/** Does something, looks at the tables, and takes it back. */
function tried<T>(
  db: Database,
  run: () => T,
): { result: T | "thrown"; rows: unknown } {
  db.run("BEGIN");
  let result: T | "thrown";
  try {
    result = run();
  } catch {
    result = "thrown";
  }
  const rows = ["commands", "sent_ids", "entries"].map((table) =>
    db.cells(`SELECT * FROM ${table}`)
  );
  db.run("ROLLBACK");
  return { result, rows };
}

const words = fc.constantFrom(
  ...["", "it is", "naïve 🚀", 'a "quoted" \\ word', "line\nbreak", "\u007f"],
  ...["an end\u0000 and more", "half \ud83d a pair"],
);
const counts = fc.bigInt({ min: 0n, max: 2n ** 62n });
const times = fc.double({ min: 0, max: 2 ** 50, noNaN: true });
const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });

const held = fc.integer({ min: 0, max: 40 }).map((n) => n < 40 ? 0n : 5n);

/** Patches of a few kinds, so that many of a history are alike. */
const patches: fc.Arbitrary<CommandPatch> = fc.record({
  id: fc.bigInt({ min: 1n, max: BigInt(COMMANDS) }),
  after: fc.record({ stdout: held, stderr: held }),
}).chain((common) =>
  fc.oneof(
    fc.record({
      state: fc.constant("running" as const),
      instance: fc.constantFrom("a", "b"),
      session: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      sentAt: times,
    }),
    fc.record({
      state: fc.constantFrom("succeeded", "failed"),
      finishedAt: fc.option(times),
      exitCode: fc.option(fc.constantFrom(0, 1)),
      data: fc.option(words),
      stdoutHeld: counts,
      stdoutSha256: fc.option(hashes),
    }),
    fc.record({
      reason: words,
      signal: fc.option(fc.constant("SIGKILL")),
      truncated: fc.boolean(),
      presumed: fc.boolean(),
      reapedAlive: fc.array(fc.nat(), { maxLength: 1 }),
    }),
    fc.constant({}),
  ).map((changes) => ({ ...common, ...changes }))
);

Deno.test("patches of many commands together leave the rows that they leave one by one", () => {
  using at = start();
  const { db, tables: { commands } } = at;
  create(
    at.tables,
    Array.from(
      { length: COMMANDS },
      (_, n) => newCommand({ agent: `w${n}`, state: "queued" }),
    ),
  );
  const ends = new Set<unknown>();
  let saved = 0;
  fc.assert(
    fc.property(
      fc.array(patches, { minLength: 2, maxLength: 8 }),
      (history) => {
        const before = db.runs;
        const together = tried(db, () => commands.patchTogether(history));
        if (db.runs - before - 2 < history.length) saved++;
        const apart = tried(
          db,
          () => history.every((one) => commands.patch(one)),
        );
        ends.add(together.result);
        const isWhole = together.result === true;
        assertEquals(isWhole, apart.result === true);
        if (isWhole) {
          assertEquals(together.rows, apart.rows);
        }
      },
    ),
    { numRuns: HISTORIES, seed: 27 },
  );
  assertEquals(ends, new Set([true, false, "thrown"]));
  // Many have patches that are alike.
  assertGreater(saved, HISTORIES / 4);
});

Deno.test("patches of a command that does not exist cannot be applied together", () => {
  using at = start();
  const [id = 0n] = create(at.tables, [newCommand()]);
  const all = [{ id, ...OK }, { id: id + 1n, ...OK }];
  assertEquals(at.tables.commands.patchTogether(all), false);
});

Deno.test("patches whose values only look alike keep each their own", () => {
  using at = start();
  const { commands } = at.tables;
  const alike: readonly Partial<CommandPatch>[] = [
    { reason: "a,b", errorCode: "" },
    { reason: "a", errorCode: "b," },
    { reason: "a,b,", errorCode: "" },
    { reason: "", signal: null },
    { reason: "", signal: "" },
    { presumed: true, masked: 1 },
    { presumed: false, masked: 0 },
  ];
  const ids = create(at.tables, alike.map(() => newCommand()));
  commands.patchTogether(
    alike.map((changes, index) => ({ ...changes, id: ids[index] ?? 0n })),
  );
  for (const [index, changes] of alike.entries()) {
    const record = commands.get(ids[index] ?? 0n);
    assertEquals(record && { ...record, ...changes }, record);
  }
});

Deno.test("two hundred results are one statement, with their own times and data", () => {
  using at = start();
  const { db, tables: { commands } } = at;
  const ids = create(
    at.tables,
    Array.from({ length: 200 }, () => newCommand()),
  );
  const before = db.runs;
  const done = commands.patchTogether(
    ids.map((id) => ({ id, ...OK, finishedAt: Number(id), data: `[${id}]` })),
  );
  assertEquals([done, db.runs - before], [true, 1]);
  for (const id of ids) {
    const { state, finishedAt, data } = commands.get(id) ?? {};
    assertEquals([state, finishedAt, data], [
      "succeeded",
      Number(id),
      `[${id}]`,
    ]);
  }
});

const made: fc.Arbitrary<NewCommand> = fc.record({
  agent: fc.constantFrom("web-1", "web-2", "wéb-3"),
  nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  instance: fc.option(words),
  session: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  state: fc.constantFrom("sent", "sent", "sent", "queued"),
  createdAt: fc.constantFrom(1_000, 1_000, 1_000.5),
}).map((given) => newCommand(given));

Deno.test("commands that are made together are recorded as one by one", () => {
  using at = start();
  const { db, tables: { commands } } = at;
  fc.assert(
    fc.property(fc.array(made, { minLength: 1, maxLength: 6 }), (all) => {
      const full = all.map((one) => ({
        rerunOf: null,
        saidBy: "",
        survive: false,
        ...one,
        job: "j-1",
      }));
      const together = tried(db, () => commands.addAll(1n, full));
      const apart = tried(
        db,
        () =>
          full.forEach((one, index) =>
            commands.addAll(BigInt(index + 1), [one])
          ),
      );
      assertEquals(together, apart);
    }),
    { numRuns: 2_000, seed: 27 },
  );
});

Deno.test("a thousand commands of a request are a few statements", () => {
  using at = start();
  const before = at.db.runs;
  const all = Array.from(
    { length: 1_000 },
    (_, n) => newCommand({ agent: `web-${n}`, nonce: BigInt(n) }),
  );
  const ids = create(at.tables, all);
  assertEquals(ids.length, 1_000);
  assert(at.db.runs - before < 10, `${at.db.runs - before} statements`);
  assertEquals(at.tables.sent.of("web-999"), ids.at(-1));
});

Deno.test("entries start with ids in the order that was asked for, each of them once", () => {
  using at = start();
  const { db } = at;
  db.run("PRAGMA foreign_keys = OFF");
  const waiting = [0, 1, 2, 5, 6, 8];
  for (const position of [...waiting, 3]) {
    db.run(
      "INSERT INTO entries (job_id, position, agent, state, canary, changed_at) VALUES (1, ?, ?, ?, 0, 0)",
      position,
      `web-${position}`,
      position === 3 ? "started" : "waiting",
    );
  }
  const entries = new Entries(db);
  const order = [5, 6, 1, 2, 2, 3, 4, 0, 8, 5];
  const move = moveBy("started", 7);
  const started = entries.start(1n, order, { firstId: 40n, move });
  assertEquals(started.map((index) => order[index]), [5, 6, 1, 2, 0, 8]);
  assertEquals(
    db.cells(
      "SELECT position, command_id FROM entries WHERE command_id IS NOT NULL ORDER BY command_id",
    ),
    [[5n, 40n], [6n, 41n], [1n, 42n], [2n, 43n], [0n, 44n], [8n, 45n]],
  );
});
