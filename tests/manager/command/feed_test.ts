import { assert, assertEquals } from "@std/assert";
import { Feed, type FeedPiece } from "../../../lib/manager/command/feed.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const NOTHING = { stdout: 0n, stderr: 0n };

/** Piece of this size, identified by its offset. */
function piece(offset: number, { size = 10, kept = true } = {}): FeedPiece {
  return {
    stream: "stdout",
    offset: BigInt(offset),
    bytes: new Uint8Array(size),
    cut: 0n,
    kept,
  };
}

/** A feed with readers that note each time they are woken. */
function feedWith(readers: number) {
  const clock = new FakeClock();
  const feed = new Feed(clock);
  const woken = Array.from({ length: readers }, () => 0);
  const opened = woken.map((_, index) =>
    feed.open(() => void (woken[index] = (woken[index] ?? 0) + 1), NOTHING)
  );
  return { clock, feed, readers: opened, woken };
}

/** Offsets of the pieces that a reader finds, up to the end. */
function read(
  feed: Feed,
  reader: ReturnType<Feed["open"]>,
): (bigint | string)[] {
  const found: (bigint | string)[] = [];
  for (;;) {
    const next = feed.read(reader);
    if (next === undefined) return found;
    found.push(next === "behind" ? next : next.offset);
    if (next === "behind") feed.rejoin(reader);
    else feed.noteHad(reader, next.stream, endOf(next));
  }
}

function endOf({ offset, bytes }: FeedPiece): bigint {
  return offset + BigInt(bytes.length);
}

/** Adds a piece, and waits for all readers to have had it. */
function pushed(feed: Feed, piece: FeedPiece): Promise<void> | undefined {
  feed.push(piece);
  return feed.passed(piece.stream, endOf(piece), piece.bytes.length);
}

/** True if what was waited for has happened by now. */
async function hasPassed(
  clock: FakeClock,
  passed: Promise<void> | undefined,
): Promise<boolean> {
  let has = false;
  void Promise.resolve(passed).then(() => has = true);
  await clock.settle();
  return has;
}

Deno.test("each reader gets all pieces since it opened, in order, and is woken", () => {
  const { feed, readers: [early], woken } = feedWith(1);
  feed.push(piece(0));
  const late = feed.open(() => {}, NOTHING);
  feed.push(piece(10));
  feed.push(piece(20));
  assertEquals(woken, [3]);
  assertEquals(early && read(feed, early), [0n, 10n, 20n]);
  assertEquals(read(feed, late), [10n, 20n]);
});

Deno.test("no piece is held without readers", async () => {
  const { clock, feed } = feedWith(0);
  const passed = pushed(feed, piece(0, { kept: false }));
  assertEquals(await hasPassed(clock, passed), true);
  assertEquals(read(feed, feed.open(() => {}, NOTHING)), []);
});

Deno.test("a reader that falls 1 MiB behind finds the rest in the store", () => {
  const { feed, readers: [reader] } = feedWith(1);
  for (let number = 0; number < 20; number++) {
    feed.push(piece(number, { size: 100_000 }));
  }
  const found = reader ? read(feed, reader) : [];
  assertEquals(found[0], "behind");
  assertEquals(found.slice(1), [
    10n,
    11n,
    12n,
    13n,
    14n,
    15n,
    16n,
    17n,
    18n,
    19n,
  ]);
});

Deno.test("a piece that the store does not keep is held until every reader has read it", async () => {
  const { clock, feed, readers: [one, two] } = feedWith(2);
  const passed = pushed(feed, piece(0, { size: 2_000_000, kept: false }));
  assertEquals(one && read(feed, one), [0n]);
  assertEquals(await hasPassed(clock, passed), false);
  assertEquals(two && read(feed, two), [0n]);
  assertEquals(await hasPassed(clock, passed), true);
  assertEquals(clock.timers, 0);
});

Deno.test("a reader that is closed holds nothing back", async () => {
  const { clock, feed, readers: [reader] } = feedWith(1);
  const passed = pushed(feed, piece(0, { kept: false }));
  assertEquals(await hasPassed(clock, passed), false);
  assert(reader !== undefined);
  feed.close(reader);
  assertEquals(await hasPassed(clock, passed), true);
});

Deno.test("a reader that does not read for 10 s is cut off and woken", async () => {
  const { clock, feed, readers: [reader], woken } = feedWith(1);
  const passed = pushed(feed, piece(0, { kept: false }));
  await clock.advance(9_999);
  assertEquals([reader?.cutOff, woken], [false, [1]]);
  await clock.advance(1);
  assertEquals([reader?.cutOff, woken], [true, [2]]);
  assertEquals(await hasPassed(clock, passed), true);
});

Deno.test("a slow reader that reads now and then is not cut off", async () => {
  const { clock, feed, readers: [reader] } = feedWith(1);
  for (let number = 0; number < 5; number++) {
    void pushed(feed, piece(10 * number, { kept: false }));
  }
  for (let number = 0; number < 5; number++) {
    await clock.advance(9_000);
    const next = reader && feed.read(reader);
    assert(reader && next && next !== "behind");
    feed.noteHad(reader, next.stream, endOf(next));
  }
  assertEquals(reader?.cutOff, false);
});

Deno.test("a reader that had nothing to read for a long time has its 10 s as well", async () => {
  const { clock, feed, readers: [idle, busy] } = feedWith(2);
  await clock.advance(60_000);
  const passed = pushed(feed, piece(0, { kept: false }));
  // The other reader continues at once.
  assertEquals(busy && read(feed, busy), [0n]);
  assertEquals(await hasPassed(clock, passed), false);
  assertEquals(idle?.cutOff, false);
  assertEquals(idle && read(feed, idle), [0n]);
  assertEquals(await hasPassed(clock, passed), true);
});

for (
  const { pieces, size, most } of [
    { pieces: "large", size: 65_536, most: 127 },
    { pieces: "tiny", size: 1, most: 16_352 },
    { pieces: "empty", size: 0, most: 16_384 },
  ]
) {
  Deno.test(`at most ${most} ${pieces} pieces, that is 8 MiB, are held for a slow watcher`, async () => {
    const { clock, feed, readers: [reader] } = feedWith(1);
    for (let number = 0; number < most; number++) {
      feed.push(piece(number, { size, kept: false }));
    }
    assertEquals([reader?.cutOff, feed.heldBytes <= 8 * 1_048_576], [
      false,
      true,
    ]);
    const passed = pushed(feed, piece(most, { size, kept: false }));
    assertEquals([reader?.cutOff, feed.heldBytes], [true, 0]);
    assertEquals(await hasPassed(clock, passed), true);
  });
}

Deno.test("output that the store was told to drop before a reader came stays in memory for it", () => {
  const size = 600_000;
  const found = [0n, 1_200_000n].map((dropped) => {
    const { feed } = feedWith(0);
    assertEquals(feed.drop("stdout", dropped), dropped);
    const reader = feed.open(() => {}, NOTHING);
    for (const n of [0, 1, 2, 3]) feed.push(piece(n * size, { size }));
    return read(feed, reader);
  });
  assertEquals(found, [
    ["behind", 1_800_000n],
    [0n, 600_000n, "behind", 1_800_000n],
  ]);
});

Deno.test("passed() waits for a stream up to an offset, however a reader has it", async () => {
  const { clock, feed, readers: [reader] } = feedWith(1);
  assert(reader !== undefined);
  feed.push(piece(0, { size: 100 }));
  const passed = feed.passed("stdout", 60n, 100);
  assertEquals([feed.readTo("stdout", 60n), feed.readTo("stderr", 0n)], [
    0n,
    0n,
  ]);
  feed.noteHad(reader, "stderr", 1_000n);
  feed.noteHad(reader, "stdout", 59n);
  assertEquals(await hasPassed(clock, passed), false);
  feed.noteHad(reader, "stdout", 60n);
  assertEquals(await hasPassed(clock, passed), true);
  assertEquals(feed.passed("stdout", 60n, 100), undefined);
  assertEquals(feed.readTo("stdout", 1_000n), 60n);
});

Deno.test("a reader that begins with earlier output holds that back as well", async () => {
  const { clock, feed } = feedWith(0);
  feed.push(piece(0, { size: 100 }));
  const reader = feed.open(() => {}, { stdout: 40n, stderr: 0n });
  assertEquals(feed.readTo("stdout", 100n), 40n);
  const passed = feed.passed("stdout", 50n, 10);
  assertEquals(await hasPassed(clock, passed), false);
  feed.close(reader);
  assertEquals(await hasPassed(clock, passed), true);
});

Deno.test("the reader that holds back 8 MiB is cut off, and no other", async () => {
  const { clock, feed, readers: [quick, slow] } = feedWith(2);
  assert(quick !== undefined && slow !== undefined);
  const size = 1_000_000;
  const waits = [];
  for (let number = 0; number < 8; number++) {
    feed.push(piece(number * size, { size }));
    waits.push(feed.passed("stdout", BigInt(number * size + size), size));
    read(feed, quick);
  }
  assertEquals([quick.cutOff, slow.cutOff], [false, false]);
  // Nobody has had any of this stream.
  feed.push({ ...piece(0, { size }), stream: "stderr" });
  waits.push(feed.passed("stderr", BigInt(size), size));
  assertEquals([quick.cutOff, slow.cutOff], [false, true]);
  read(feed, quick);
  for (const passed of waits) {
    assertEquals(await hasPassed(clock, passed), true);
  }
});

Deno.test("a reader that reads from the store is not cut off", async () => {
  const { clock, feed, readers: [reader] } = feedWith(1);
  assert(reader !== undefined);
  feed.push(piece(0, { size: 100 }));
  const passed = feed.passed("stdout", 100n, 100);
  for (const had of [20n, 40n, 60n, 80n]) {
    await clock.advance(9_000);
    feed.noteHad(reader, "stdout", had);
  }
  assertEquals([reader.cutOff, await hasPassed(clock, passed)], [false, false]);
});
