import { assertEquals, assertRejects } from "@std/assert";
import type { Store } from "../../lib/store/store.ts";
import {
  assertCode,
  bytes,
  create,
  inBothPlaces,
  open,
  startStore,
  temporaryFolder,
} from "./support.ts";

const kept = { cut: 0n, keep: true };

async function figures(store: Store, id: bigint) {
  const command = await store.command(id);
  return {
    held: [command?.stdoutHeld, command?.stderrHeld],
    kept: command?.outputKept,
    truncated: command?.truncated,
  };
}

inBothPlaces(
  "output comes back by stream and offset, in the same pieces",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    const other = await create(at.store);
    const text = (value: string) => new TextEncoder().encode(value);
    await Promise.all([
      at.store.appendOutput(id, {
        stream: "stdout",
        offset: 0n,
        bytes: text("hello "),
        ...kept,
      }),
      at.store.appendOutput(id, {
        stream: "stderr",
        offset: 0n,
        bytes: text("oh"),
        ...kept,
      }),
      at.store.appendOutput(id, {
        stream: "stdout",
        offset: 6n,
        bytes: text("world"),
        ...kept,
      }),
      at.store.appendOutput(other, {
        stream: "stdout",
        offset: 0n,
        bytes: text("other"),
        ...kept,
      }),
    ]);
    const read = (stream: "stdout" | "stderr", offset: bigint) =>
      at.store.readOutput(id, { stream, offset, limit: 1_000 });
    const hello = { offset: 0n, bytes: text("hello "), cut: 0n };
    const world = { offset: 6n, bytes: text("world"), cut: 0n };

    assertEquals(await read("stdout", 0n), [hello, world]);
    assertEquals(await read("stdout", 5n), [hello, world]);
    assertEquals(await read("stdout", 6n), [world]);
    assertEquals(await read("stdout", 11n), []);
    assertEquals(await read("stderr", 0n), [{
      offset: 0n,
      bytes: text("oh"),
      cut: 0n,
    }]);
    assertEquals(await figures(at.store, id), {
      held: [11n, 2n],
      kept: 13n,
      truncated: false,
    });
    assertEquals((await at.store.stats()).outputBytes, 18n);
  },
);

inBothPlaces(
  "reading stops once the limit is reached, after one piece at least",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    for (const offset of [0n, 10n, 20n, 30n]) {
      await at.store.appendOutput(id, {
        stream: "stdout",
        offset,
        bytes: bytes(10),
        ...kept,
      });
    }
    const offsets = async (offset: bigint, limit: number) =>
      (await at.store.readOutput(id, { stream: "stdout", offset, limit }))
        .map((piece) => piece.offset);

    assertEquals(await offsets(0n, 1), [0n]);
    assertEquals(await offsets(0n, 11), [0n, 10n]);
    assertEquals(await offsets(10n, 20), [10n, 20n]);
    assertEquals(await offsets(35n, 100), [30n]);
  },
);

inBothPlaces(
  "a cut counts as held and marks the command",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    await at.store.appendOutput(id, {
      stream: "stdout",
      offset: 100n,
      bytes: bytes(5),
      cut: 100n,
      keep: true,
    });
    await at.store.appendOutput(id, {
      stream: "stdout",
      offset: 205n,
      bytes: bytes(0),
      cut: 100n,
      keep: true,
    });

    assertEquals(
      await at.store.readOutput(id, {
        stream: "stdout",
        offset: 0n,
        limit: 99,
      }),
      [
        { offset: 100n, bytes: bytes(5), cut: 100n },
        { offset: 205n, bytes: bytes(0), cut: 100n },
      ],
    );
    assertEquals(await figures(at.store, id), {
      held: [205n, 0n],
      kept: 5n,
      truncated: true,
    });
  },
);

inBothPlaces("output beyond the limit is only counted", async (startStore) => {
  await using at = await startStore();
  const id = await create(at.store);
  await at.store.appendOutput(id, {
    stream: "stderr",
    offset: 0n,
    bytes: bytes(7),
    ...kept,
  });
  await at.store.appendOutput(id, {
    stream: "stderr",
    offset: 7n,
    bytes: bytes(7),
    cut: 0n,
    keep: false,
  });

  assertEquals(await figures(at.store, id), {
    held: [0n, 14n],
    kept: 7n,
    truncated: true,
  });
  assertEquals(
    (await at.store.readOutput(id, {
      stream: "stderr",
      offset: 0n,
      limit: 99,
    })).length,
    1,
  );
  assertEquals((await at.store.stats()).outputBytes, 7n);
});

inBothPlaces(
  "a piece with bytes that are held already is a TypeError, and is not stored twice",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    const piece = { stream: "stdout", bytes: bytes(10), ...kept } as const;
    await at.store.appendOutput(id, { ...piece, offset: 0n });

    await assertRejects(
      () => at.store.appendOutput(id, { ...piece, offset: 9n }),
      TypeError,
    );
    assertEquals((await figures(at.store, id)).kept, 10n);
  },
);

inBothPlaces("output of a missing command is refused", async (startStore) => {
  await using at = await startStore();
  const piece = { stream: "stdout", offset: 0n, bytes: bytes(1) } as const;
  await assertCode(
    at.store.appendOutput(1n, { ...piece, ...kept }),
    "NOT_FOUND",
  );
});

inBothPlaces(
  "a piece that leaves a hole is refused, and one that begins with a cut is not",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    const piece = { stream: "stdout", offset: 3n, bytes: bytes(1) } as const;

    await assertCode(
      at.store.appendOutput(id, { ...piece, ...kept, cut: 2n }),
      "FAILED_PRECONDITION",
    );
    await at.store.appendOutput(id, { ...piece, ...kept, cut: 3n });

    assertEquals((await figures(at.store, id)).held, [4n, 0n]);
  },
);

inBothPlaces(
  "each piece of output has the time at which it came, if that was told",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    for (const [offset, time] of [[0n, { at: 7.5 }], [3n, {}]] as const) {
      await at.store.appendOutput(id, {
        stream: "stdout",
        offset,
        bytes: bytes(3),
        ...kept,
        ...time,
      });
    }

    const range = { stream: "stdout", offset: 0n, limit: 1_000 } as const;
    const pieces = await at.store.readOutput(id, range);

    assertEquals(pieces, [
      { offset: 0n, bytes: bytes(3), cut: 0n, at: 7 },
      { offset: 3n, bytes: bytes(3), cut: 0n },
    ]);
  },
);

Deno.test("output that an earlier Manager kept in the table and new output in segments are one stream", async () => {
  await using folder = await temporaryFolder();
  const piece = (offset: bigint, value: number) => ({
    stream: "stdout" as const,
    offset,
    bytes: bytes(20, value),
    ...kept,
  });
  let id: bigint;
  {
    await using earlier = await open(folder.database, Infinity);
    id = await create(earlier);
    await earlier.appendOutput(id, piece(0n, 1));
    await earlier.appendOutput(id, piece(20n, 2));
  }

  await using store = await open(folder.database, 10);
  await store.appendOutput(id, piece(40n, 3));
  await store.appendOutput(id, piece(60n, 4));
  await store.dropOutput(id, { stream: "stdout", from: 25n, below: 50n });

  const range = { stream: "stdout", offset: 0n, limit: 1_000 } as const;
  const pieces = await store.readOutput(id, range);
  assertEquals(pieces.map(({ offset, bytes }) => [offset, bytes]), [
    [0n, bytes(20, 1)],
    [20n, bytes(5, 2)],
    [40n, bytes(20, 3)],
    [60n, bytes(20, 4)],
  ]);
  await store.dropOutput(id, { stream: "stdout", from: 50n, below: 60n });
  assertEquals((await store.readOutput(id, range))[2], {
    offset: 40n,
    bytes: bytes(10, 3),
    cut: 0n,
  });
  assertEquals((await store.stats()).outputBytes, 55n);
});

Deno.test("output whose segment is gone is CORRUPT, and other output can be read", async () => {
  await using at = await startStore(10);
  const { store, database } = at;
  const piece = { stream: "stdout", offset: 0n, ...kept } as const;
  const [lost, other] = [await create(store), await create(store)];
  await store.appendOutput(lost, { ...piece, bytes: bytes(20) });
  await store.appendOutput(other, { ...piece, bytes: bytes(9) });
  await Deno.truncate(`${database}-output/1`, 5);

  const range = { stream: "stdout", offset: 0n, limit: 9 } as const;
  await assertCode(store.readOutput(lost, range), "CORRUPT");
  const [read] = await store.readOutput(other, range);
  assertEquals(read?.bytes, bytes(9));
});
