import { assertEquals, assertGreater, assertLess } from "@std/assert";
import type { Store } from "../../lib/store/store.ts";
import {
  assertCode,
  bytes,
  create,
  inBothPlaces,
  newCommand,
  open,
  startStore,
  temporaryFolder,
} from "./support.ts";

const EVERYTHING = 1n << 60n;

/** Command that printed `size` bytes in pieces and then ended, or is still open. */
async function printed(
  store: Store,
  { size, piece = size, endedAt }: {
    size: number;
    piece?: number;
    endedAt?: number;
  },
): Promise<bigint> {
  const id = await create(store);
  const offsets = Array.from(
    { length: Math.ceil(size / piece) },
    (_, index) => BigInt(index * piece),
  );
  await Promise.all(offsets.map((offset) =>
    store.appendOutput(id, {
      stream: "stdout",
      offset,
      bytes: bytes(piece),
      cut: 0n,
      keep: true,
    })
  ));
  const ends = endedAt === undefined ? [] : [endedAt];
  for (const finishedAt of ends) {
    await store.patchCommand({ id, state: "succeeded", finishedAt });
  }
  return id;
}

async function held(store: Store) {
  return (await store.commands({ limit: 99 })).reverse()
    .map(({ id, outputKept, truncated }) => ({ id, outputKept, truncated }));
}

inBothPlaces(
  "commands that ended before the time go, with their output, and open ones stay",
  async (startStore) => {
    await using at = await startStore();
    const { store } = at;
    await printed(store, { size: 10, endedAt: 999 });
    await printed(store, { size: 20, endedAt: 1_000 });
    await printed(store, { size: 30 });
    const event = { kind: "k", agent: null, commandId: null, message: "" };
    await store.addEvent({ at: 999, ...event });
    await store.addEvent({ at: 1_000, ...event });

    const pruned = await store.prune({
      before: 1_000,
      outputBytes: EVERYTHING,
    });

    assertEquals(pruned, { commands: 1, events: 1, outputBytes: 10n });
    assertEquals(await held(store), [
      { id: 2n, outputKept: 20n, truncated: false },
      { id: 3n, outputKept: 30n, truncated: false },
    ]);
    const { entries } = await store.eventHistory({
      from: undefined,
      direction: "newer",
      limit: 9,
      filter: { agents: [], kinds: ["k"] },
    });
    assertEquals(entries.map(({ key }) => key.id), [2n]);
    const { commandsTotal, outputBytes } = await store.stats();
    assertEquals([commandsTotal, outputBytes], [2n, 50n]);
  },
);

inBothPlaces(
  "output above the limit goes, oldest end first, and its commands stay, marked",
  async (startStore) => {
    await using at = await startStore();
    const { store } = at;
    await printed(store, { size: 100, endedAt: 3_000 });
    await printed(store, { size: 100, endedAt: 2_000 });
    await printed(store, { size: 100 });

    assertEquals(
      await store.prune({ before: 0, outputBytes: 250n }),
      { commands: 0, events: 0, outputBytes: 100n },
    );
    assertEquals(await held(store), [
      { id: 1n, outputKept: 100n, truncated: false },
      { id: 2n, outputKept: 0n, truncated: true },
      { id: 3n, outputKept: 100n, truncated: false },
    ]);
    const range = { stream: "stdout", offset: 0n, limit: 99 } as const;
    assertEquals(await store.readOutput(2n, range), []);
    assertEquals((await store.command(2n))?.stdoutHeld, 100n);

    await store.prune({ before: 0, outputBytes: 0n });
    assertEquals((await store.stats()).outputBytes, 100n);
    assertEquals((await store.command(3n))?.outputKept, 100n);
  },
);

inBothPlaces(
  "much output is deleted in slices, with other writes between them",
  async (startStore) => {
    await using at = await startStore();
    const { store } = at;
    await printed(store, { size: 20_000_000, piece: 50_000, endedAt: 1 });
    await printed(store, { size: 3_000, piece: 1, endedAt: 2 });
    const before = (await store.stats()).databaseBytes;

    const order: string[] = [];
    const pruned = store.prune({ before: 0, outputBytes: 0n });
    pruned.then(() => order.push("pruned"));
    await create(store);
    order.push("written");

    assertEquals((await pruned).outputBytes, 20_003_000n);
    assertEquals(order, ["written", "pruned"]);
    assertEquals((await store.stats()).outputBytes, 0n);
    assertGreater(before, 20_000_000n);
    assertLess((await store.stats()).databaseBytes, 10_000_000n);
  },
);

inBothPlaces(
  "a command whose deletion has begun loses all its output",
  async (startStore) => {
    await using at = await startStore();
    await printed(at.store, { size: 10_000_000, piece: 50_000, endedAt: 1 });

    await at.store.prune({ before: 0, outputBytes: 9_999_999n });

    assertEquals((await at.store.stats()).outputBytes, 0n);
  },
);

inBothPlaces(
  "old commands above one slice go, and so do their cuts and their requests",
  async (startStore) => {
    await using at = await startStore();
    const { store } = at;
    const request = { requestId: "r", job: "j" };
    const { commands } = await store.createCommands(
      Array.from({ length: 700 }, () => newCommand()),
      request,
    );
    await Promise.all(
      commands.map(({ id }) =>
        store.patchCommand({ id, state: "lost", finishedAt: 1_000 })
      ),
    );
    await Promise.all(
      Array.from({ length: 600 }, (_, index) =>
        store.appendOutput(1n, {
          stream: "stdout",
          offset: BigInt(index) + 1n,
          bytes: bytes(0),
          cut: 1n,
          keep: true,
        })),
    );

    const pruned = await store.prune({
      before: 1_001,
      outputBytes: EVERYTHING,
    });

    assertEquals(pruned, { commands: 700, events: 0, outputBytes: 0n });
    const again = await store.createCommands([newCommand()], request);
    assertEquals([again.repeated, again.commands[0]?.id], [false, 701n]);
  },
);

Deno.test("a segment of which most was deleted is rewritten, and what stays can be read", async () => {
  await using at = await startStore();
  const { store } = at;
  const size = 300_000;
  for (let count = 1; count <= 10; count++) {
    await printed(store, { size, endedAt: count === 4 ? 5_000 : 1_000 });
  }
  const range = { stream: "stdout", offset: 0n, limit: 1e9 } as const;
  const before = await store.readOutput(4n, range);

  const pruned = await store.prune({ before: 2_000, outputBytes: EVERYTHING });

  assertEquals(pruned.outputBytes, 9n * BigInt(size));
  assertEquals(await store.readOutput(4n, range), before);
  const files = [...Deno.readDirSync(`${at.database}-output`)];
  const sizes = files.map(({ name }) =>
    Deno.statSync(`${at.database}-output/${name}`).size
  );
  assertEquals(sizes, [size]);
});

Deno.test("segments go with the last output in them", async () => {
  await using at = await startStore();
  await printed(at.store, { size: 300_000, endedAt: 1_000 });
  const names = () => [...Deno.readDirSync(`${at.database}-output`)].length;
  assertEquals(names(), 1);

  await at.store.prune({ before: 2_000, outputBytes: EVERYTHING });

  assertEquals(names(), 0);
});

Deno.test("a damaged segment stays until all output in it is old, and others are rewritten", async () => {
  await using folder = await temporaryFolder();
  const { database } = folder;
  const size = 300_000;
  const names = () => [...Deno.readDirSync(`${database}-output`)].length;
  {
    await using store = await open(database);
    for (const endedAt of [1_000, 1_000, 5_000]) {
      await printed(store, { size, endedAt });
    }
  }
  await Deno.truncate(`${database}-output/1`, 2 * size + 5);
  await using store = await open(database);
  for (const endedAt of [1_000, 1_000, 5_000]) {
    await printed(store, { size, endedAt });
  }

  const pruned = await store.prune({ before: 2_000, outputBytes: EVERYTHING });

  assertEquals([pruned.outputBytes, names()], [4n * BigInt(size), 2]);
  const range = { stream: "stdout", offset: 0n, limit: 1e9 } as const;
  await assertCode(store.readOutput(3n, range), "CORRUPT");
  assertEquals((await store.readOutput(6n, range))[0]?.bytes.length, size);
  await store.prune({ before: 6_000, outputBytes: EVERYTHING });
  assertEquals(names(), 0);
});
