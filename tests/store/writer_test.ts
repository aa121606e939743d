import { assertEquals, assertRejects } from "@std/assert";
import { Database } from "../../lib/store/database.ts";
import { Writer } from "../../lib/store/writer.ts";
import { assertCode, outcome, temporaryFolder } from "./support.ts";

/** Writer on a file with a table of numbers, and a second connection that sees committed rows. */
async function startWriter() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const db = stack.use(new Database(folder.database));
  db.script(`PRAGMA journal_mode = WAL; CREATE TABLE numbers (n INTEGER) STRICT;
    CREATE TABLE blobs (bytes BLOB);
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (id INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);`);
  const other = stack.use(new Database(folder.database));
  const writer = new Writer(db);
  const resources = stack.move();
  const numbers = (from: Database) =>
    from.all("SELECT n FROM numbers ORDER BY n").map((row) => Number(row["n"]));
  return {
    db,
    writer,
    insert: (n: number) =>
      writer.write(() => db.run("INSERT INTO numbers VALUES (?)", n).changes),
    inside: () => numbers(db),
    committed: () => numbers(other),
    countCommitted: () =>
      Number(other.get("SELECT count(*) AS n FROM numbers")?.["n"]),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Resolves when all queued work of this turn of the event loop has run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("writes of one turn are committed together and answered afterwards", async () => {
  await using at = await startWriter();
  const first = at.insert(1).then(() => at.committed());
  const second = at.insert(2);
  const third = at.writer.write(() => [at.inside(), at.committed()]);

  assertEquals(await third, [[1, 2], []]);
  assertEquals(await first, [1, 2]);
  assertEquals(await second, 1);
});

/** Writes of numbers that are done together; a number below 0 is told apart, and is refused. */
function gathering(db: Database) {
  const several: (readonly number[])[] = [];
  const insert = (n: number) => {
    if (n < 0) throw new RangeError(`no ${n}`);
    db.run("INSERT INTO numbers VALUES (?)", n);
  };
  return {
    several,
    kind: {
      one: insert,
      several: (numbers: readonly number[]) => {
        several.push(numbers);
        if (numbers.some((n) => n < 0)) return undefined;
        return numbers.map(insert);
      },
    },
  };
}

Deno.test("writes of one kind are done together, up to the next other write", async () => {
  await using at = await startWriter();
  const { several, kind } = gathering(at.db);
  const seen: number[][] = [];
  await Promise.all([
    at.writer.gather(kind, 1),
    at.writer.gather(kind, 2),
    at.writer.write(() => seen.push(at.inside())),
    at.writer.gather(kind, 3),
    at.writer.gather(gathering(at.db).kind, 4),
  ]);
  assertEquals(several, [[1, 2]]);
  assertEquals(seen, [[1, 2]]);
  assertEquals(at.committed(), [1, 2, 3, 4]);
});

Deno.test("one of several writes that is to be told apart is refused alone", async () => {
  await using at = await startWriter();
  const { kind } = gathering(at.db);
  const ends = await Promise.allSettled(
    [1, -2, 3].map((n) => at.writer.gather(kind, n)),
  );
  assertEquals(ends.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  assertEquals(at.committed(), [1, 3]);
});

Deno.test("a write that throws is undone alone, among many", async () => {
  await using at = await startWriter();
  const outcomes = await Promise.allSettled([
    at.insert(1),
    at.writer.write(() => {
      at.db.run("INSERT INTO numbers VALUES (2)");
      throw new RangeError("no");
    }),
    at.insert(3),
  ]);

  assertEquals(outcomes.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  assertEquals(at.committed(), [1, 3]);
});

Deno.test("a write that throws keeps its own error", async () => {
  await using at = await startWriter();
  const write = at.writer.write(() => {
    throw new RangeError("no");
  });

  await assertRejects(() => write, RangeError, "no");
});

Deno.test("a COMMIT that fails rejects all its writes, and later ones succeed", async () => {
  await using at = await startWriter();
  at.db.script("PRAGMA foreign_keys = ON");
  const writes = [
    at.insert(1),
    at.writer.write(() => at.db.run("INSERT INTO children VALUES (7)")),
  ];

  assertEquals(await Promise.all(writes.map(outcome)), ["DISK", "DISK"]);
  await at.insert(2);
  assertEquals(at.committed(), [2]);
});

Deno.test("a full disk rejects all writes of a turn but no reads, and with room again writes succeed", async () => {
  await using at = await startWriter();
  await at.insert(1);
  at.db.script("PRAGMA max_page_count = 1");
  const large = () => at.db.run("INSERT INTO blobs VALUES (zeroblob(1000000))");
  const writes = [at.insert(2), at.writer.write(large), at.insert(3)];
  const read = at.writer.read(() => at.inside());

  assertEquals(await Promise.all(writes.map(outcome)), [
    "DISK",
    "DISK",
    "DISK",
  ]);
  assertEquals(await read, [1]);
  await at.insert(4);

  at.db.script("PRAGMA max_page_count = 1000000");
  await at.writer.write(large);
  await at.insert(5);
  assertEquals(at.committed(), [1, 4, 5]);
});

Deno.test("a read waits for the writes that were asked for before it", async () => {
  await using at = await startWriter();
  const answers: string[] = [];
  at.insert(1).then(() => answers.push("write"));
  const read = at.writer.read(() => at.committed());
  read.then(() => answers.push("read"));

  assertEquals(await read, [1]);
  assertEquals(answers, ["write", "read"]);
});

Deno.test("a read that throws rejects", async () => {
  await using at = await startWriter();
  at.insert(1);
  await assertCode(
    at.writer.read(() => {
      throw new RangeError("no");
    }),
    "INTERNAL",
  );
});

Deno.test("a transaction is bounded by the bytes of its writes", async () => {
  await using at = await startWriter();
  const half = { rows: 1, bytes: 5_000_000 };
  at.writer.write(() => at.db.run("INSERT INTO numbers VALUES (1)"), half);
  at.writer.write(() => at.db.run("INSERT INTO numbers VALUES (2)"), half);

  assertEquals(await at.writer.write(() => at.committed()), [1]);
  await turn();
  assertEquals(at.committed(), [1, 2]);
});

Deno.test("a transaction is bounded by its rows, and all writes are done in order", async () => {
  await using at = await startWriter();
  const wanted = Array.from({ length: 5_000 }, (_, n) => n);
  const counts = await Promise.all(wanted.map((n) =>
    at.writer.write(() => {
      at.db.run("INSERT INTO numbers VALUES (?)", n);
      return n - at.countCommitted();
    })
  ));

  assertEquals(Math.max(...counts), 1_999);
  assertEquals(at.committed(), wanted);
});

Deno.test("closing finishes earlier writes and refuses later ones", async () => {
  await using at = await startWriter();
  const asked = at.insert(1);
  at.writer.close();

  assertEquals(at.committed(), [1]);
  assertEquals(await asked, 1);
  await assertCode(at.insert(2), "FAILED_PRECONDITION");
  await assertCode(at.writer.read(() => 1), "FAILED_PRECONDITION");
});
