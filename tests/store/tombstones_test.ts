import { assertEquals } from "@std/assert";
import { Database } from "../../lib/store/database.ts";
import { migrate } from "../../lib/store/migrate.ts";
import { MAX_TOMBSTONES, Tombstones } from "../../lib/store/tombstones.ts";

Deno.test("the oldest of too many tombstones go", () => {
  using db = new Database(":memory:");
  migrate(db, "x");
  const tombstones = new Tombstones(db);
  const secret = new Uint8Array(32);
  db.run("BEGIN");
  for (let number = 0; number <= MAX_TOMBSTONES; number++) {
    tombstones.add(`web-${number}`, secret, number);
  }
  db.run("COMMIT");

  assertEquals(tombstones.find("web-0", secret), undefined);
  assertEquals(tombstones.find("web-1", secret), 1);
  assertEquals(tombstones.deleteBefore(1e9, 99_999), MAX_TOMBSTONES);
});
