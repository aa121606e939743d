import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  type Checkpoint,
  isCheckpointSigned,
} from "../../../lib/base/checkpoint.ts";
import type { SigningKey } from "../../../lib/base/signing_key.ts";
import { Checkpoints } from "../../../lib/manager/audit/checkpoints.ts";
import type { Store } from "../../../lib/store/store.ts";
import { anEntry, startStore } from "../../store/support.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testKey } from "../../support/keys.ts";
import { rebuilt } from "../../support/rebuilt_audit.ts";

const HOUR = 3_600_000;

async function add(store: Store, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, () => store.recordAudit(anEntry())),
  );
}

/** Checkpoints of a real database, and a clock that a test moves. */
async function start() {
  await using undo = new AsyncDisposableStack();
  const { store, database } = undo.use(await startStore());
  const clock = new FakeClock();
  let key: SigningKey | undefined = testKey(1);
  const make = () => new Checkpoints({ store, clock, key: () => key });
  const opened = undo.move();
  return {
    store,
    database,
    make,
    usesKey: (other: SigningKey | undefined) => void (key = other),
    /** Moves the clock, until the store has answered. */
    async passes(ms: number) {
      await clock.advance(ms);
      await clock.settle();
    },
    all: () => store.checkpoints(0n),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function counts(checkpoints: readonly Checkpoint[]): number[] {
  return checkpoints.map(({ count }) => Number(count));
}

Deno.test("new entries have a checkpoint after an hour, and none is made without new ones", async () => {
  await using parts = await start();
  const checkpoints = parts.make();
  await add(parts.store, 1);
  await checkpoints.load();
  await add(parts.store, 2);
  await parts.passes(HOUR / 2);
  const before = counts(await parts.all());
  await parts.passes(HOUR);
  await parts.passes(3 * HOUR);

  assertEquals([before, counts(await parts.all())], [[1], [1, 3]]);
  await checkpoints.close();
  assertEquals(counts(await parts.all()), [1, 3]);
});

Deno.test("a thousand new entries have a checkpoint within a minute", async () => {
  await using parts = await start();
  const checkpoints = parts.make();
  await add(parts.store, 1);
  await checkpoints.load();
  await add(parts.store, 999);
  await parts.passes(60_000);
  const before = counts(await parts.all());
  await add(parts.store, 1);
  await parts.passes(60_000);

  assertEquals([before, counts(await parts.all())], [[1], [1, 1_001]]);
  await checkpoints.close();
});

Deno.test("a stop makes a checkpoint of what is new, which is the newest one of the next start", async () => {
  await using parts = await start();
  const checkpoints = parts.make();
  await checkpoints.load();
  assertEquals(checkpoints.newest, undefined);
  await add(parts.store, 3);
  await checkpoints.close();
  const again = parts.make();
  await again.load();

  assertEquals(again.newest?.count, 3n);
  assertEquals(
    isCheckpointSigned(again.newest ?? (await parts.all())[0] as Checkpoint, {
      kind: "checkpoint",
      managerId: parts.store.managerId,
    }),
    true,
  );
  await again.close();
});

Deno.test("a Manager with another key signs at once, and tells no checkpoint of the key before", async () => {
  await using parts = await start();
  await add(parts.store, 3);
  await parts.make().close();
  parts.usesKey(testKey(2));
  const checkpoints = parts.make();
  await checkpoints.load();

  const keys = (await parts.all()).map(({ key }) => key);
  assertEquals(keys, [testKey(1).publicKey, testKey(2).publicKey]);
  assertEquals(checkpoints.newest?.key, testKey(2).publicKey);
  await checkpoints.close();
});

Deno.test("a Manager without a key makes no checkpoints", async () => {
  await using parts = await start();
  parts.usesKey(undefined);
  const checkpoints = parts.make();
  await add(parts.store, 3);
  await checkpoints.load();
  await checkpoints.close();

  assertEquals([checkpoints.newest, await parts.all()], [undefined, []]);
});

Deno.test("a chain that was made again behind a checkpoint is not signed", async () => {
  await using parts = await start();
  await add(parts.store, 3);
  await parts.make().close();
  {
    using db = new DatabaseSync(parts.database);
    db.exec("UPDATE audit SET who = 'mallory' WHERE id = 2");
    rebuilt(db, parts.store.managerId);
  }
  await add(parts.store, 1);
  const checkpoints = parts.make();
  await checkpoints.load();
  await checkpoints.close();

  assertEquals(counts(await parts.all()), [3]);
});
