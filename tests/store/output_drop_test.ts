import { assertEquals } from "@std/assert";
import type { Store } from "../../lib/store/store.ts";
import { assertCode, bytes, create, inBothPlaces } from "./support.ts";

/** Piece of stdout whose bytes all are the number of its first one. */
function piece(offset: number, size: number) {
  return {
    stream: "stdout" as const,
    offset: BigInt(offset),
    bytes: bytes(size, offset % 256),
    cut: 0n,
    keep: true,
  };
}

/** Stretches of stdout that are stored: first byte and size. */
async function stored(store: Store, id: bigint): Promise<[number, number][]> {
  const pieces = await store.readOutput(id, {
    stream: "stdout",
    offset: 0n,
    limit: 1e9,
  });
  return pieces.map(({ offset, bytes }) => [Number(offset), bytes.length]);
}

/** Figures of a command and of the whole database. */
async function figures(store: Store, id: bigint) {
  const command = await store.command(id);
  const { outputBytes } = await store.stats();
  return [command?.stdoutHeld, command?.outputKept, outputBytes];
}

inBothPlaces(
  "a piece takes the place of the middle, and the answer has the figures",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    const answers = [];
    for (const offset of [0, 10, 20, 30]) {
      const drop = { from: 5n, below: BigInt(offset) };
      answers.push(
        await at.store.appendOutput(id, { ...piece(offset, 10), drop }),
      );
    }

    assertEquals(await stored(at.store, id), [[0, 5], [30, 10]]);
    assertEquals(answers, [
      { outputKept: 10n, truncated: false },
      { outputKept: 15n, truncated: true },
      { outputKept: 15n, truncated: true },
      { outputKept: 15n, truncated: true },
    ]);
    assertEquals(await figures(at.store, id), [40n, 15n, 15n]);
    assertEquals((await at.store.command(id))?.truncated, true);
  },
);

inBothPlaces(
  "a dropped range leaves the beginning, the piece at its end, and the other stream",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    for (const offset of [0, 10, 20, 30, 40]) {
      await at.store.appendOutput(id, piece(offset, 10));
    }
    await at.store.appendOutput(id, { ...piece(0, 50), stream: "stderr" });
    const other = await create(at.store);
    await at.store.appendOutput(other, piece(0, 50));
    const range = { stream: "stdout", from: 12n, below: 35n } as const;
    await at.store.dropOutput(id, range);
    await at.store.dropOutput(id, range);

    assertEquals(await stored(at.store, id), [[0, 10], [10, 2], [30, 10], [
      40,
      10,
    ]]);
    const [second] = await at.store.readOutput(id, {
      stream: "stdout",
      offset: 10n,
      limit: 1,
    });
    assertEquals(second, { offset: 10n, bytes: bytes(2, 10), cut: 0n });
    assertEquals(await stored(at.store, other), [[0, 50]]);
    assertEquals(await figures(at.store, id), [50n, 82n, 132n]);
  },
);

inBothPlaces(
  "a piece that cannot be stored drops nothing",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    await at.store.appendOutput(id, piece(0, 10));
    await at.store.appendOutput(id, piece(10, 10));
    const hole = { ...piece(25, 10), drop: { from: 5n, below: 25n } };

    await assertCode(at.store.appendOutput(id, hole), "FAILED_PRECONDITION");
    assertEquals(await stored(at.store, id), [[0, 10], [10, 10]]);
  },
);

inBothPlaces(
  "a piece drops about twice its own size, and the next pieces the rest",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    for (let offset = 0; offset < 100; offset++) {
      await at.store.appendOutput(id, piece(offset, 1));
    }
    const kept: number[] = [];
    for (const offset of [100, 110, 120, 130]) {
      const drop = { from: 10n, below: BigInt(offset) };
      await at.store.appendOutput(id, { ...piece(offset, 10), drop });
      kept.push(Number((await figures(at.store, id))[1]));
    }

    assertEquals(kept, [90, 80, 70, 60]);
  },
);

inBothPlaces("a long range is dropped to its end", async (startStore) => {
  await using at = await startStore();
  const id = await create(at.store);
  const size = 1_000_000;
  for (let offset = 0; offset < 12 * size; offset += size) {
    await at.store.appendOutput(id, piece(offset, size));
  }
  await at.store.dropOutput(id, {
    stream: "stdout",
    from: 500_000n,
    below: BigInt(11 * size),
  });

  assertEquals(await stored(at.store, id), [[0, 500_000], [11 * size, size]]);
  assertEquals(await figures(at.store, id), [
    BigInt(12 * size),
    1_500_000n,
    1_500_000n,
  ]);
});

inBothPlaces(
  "marks of cuts in the middle are dropped with it",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    await at.store.appendOutput(id, piece(0, 10));
    await at.store.appendOutput(id, { ...piece(30, 0), cut: 20n });
    await at.store.appendOutput(id, {
      ...piece(30, 10),
      drop: { from: 10n, below: 30n },
    });

    assertEquals(await stored(at.store, id), [[0, 10], [30, 10]]);
  },
);

inBothPlaces(
  "output goes on after output that was counted only, as an earlier Manager left it",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    await at.store.appendOutput(id, piece(0, 40));
    await at.store.appendOutput(id, { ...piece(40, 40), keep: false });
    for (const offset of [80, 90, 100]) {
      const drop = { from: 20n, below: BigInt(offset - 10) };
      await at.store.appendOutput(id, { ...piece(offset, 10), drop });
    }

    assertEquals(await stored(at.store, id), [[0, 20], [90, 10], [100, 10]]);
    assertEquals(await figures(at.store, id), [110n, 40n, 40n]);
  },
);

inBothPlaces(
  "a result does not take back that output was dropped",
  async (startStore) => {
    await using at = await startStore();
    const id = await create(at.store);
    await at.store.appendOutput(id, piece(0, 10));
    await at.store.dropOutput(id, { stream: "stdout", from: 5n, below: 10n });
    await at.store.patchCommand({ id, state: "failed", truncated: false });

    assertEquals((await at.store.command(id))?.truncated, true);
  },
);

inBothPlaces(
  "dropping output of a command that was deleted does nothing",
  async (startStore) => {
    await using at = await startStore();
    await at.store.dropOutput(99n, { stream: "stdout", from: 0n, below: 10n });

    assertEquals((await at.store.stats()).outputBytes, 0n);
  },
);
