import { assertEquals, assertMatch } from "@std/assert";
import {
  type Checkpoint,
  signCheckpoint,
} from "../../../lib/base/checkpoint.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { decodeTestimony } from "../../../lib/agent/witness/witness_file.ts";
import {
  MAX_WITNESSES,
  thinned,
  Witnesses,
} from "../../../lib/agent/witness/witnesses.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { testKey } from "../../support/keys.ts";

const KEY = testKey(1);

const BY = { managerId: "m-1", key: KEY.publicKey };

/** A file in memory. */
class File {
  text: string | undefined;
  writes = 0;
  fails = false;

  read(): Promise<string | undefined> {
    return Promise.resolve(this.text);
  }

  write(text: string): Promise<void> {
    if (this.fails) return Promise.reject(new Error("the disk is full"));
    this.text = text;
    this.writes++;
    return Promise.resolve();
  }

  /** Counts of entries of the checkpoints that are kept. */
  get counts(): number[] {
    return this.kept.witnesses.map(({ count }) => Number(count));
  }

  get kept() {
    return decodeTestimony(this.text ?? "") ??
      { witnesses: [], contradictions: [] };
  }
}

function start(file = new File()) {
  const counters = new Counters();
  const witnesses = new Witnesses({ file, clock: new FakeClock(), counters });
  return { file, counters, witnesses };
}

/** A checkpoint that the Manager has signed. */
function aCheckpoint(
  count: number,
  { at = count * 1_000, fill = 1, key = KEY, managerId = "m-1" } = {},
): Checkpoint {
  return signCheckpoint(
    { count: BigInt(count), hash: new Uint8Array(32).fill(fill), at },
    { kind: "checkpoint", managerId, key },
  );
}

Deno.test("checkpoints are kept over a restart, each once", async () => {
  const { file, witnesses } = start();
  await witnesses.hear(aCheckpoint(1), BY);
  await witnesses.hear(aCheckpoint(2), BY);
  await witnesses.hear(aCheckpoint(2, { at: 9_000 }), BY);
  const again = start(file);
  await again.witnesses.hear(aCheckpoint(3), BY);

  assertEquals(file.counts, [1, 2, 3]);
  assertEquals(file.writes, 3);
});

for (
  const [name, told, by] of [
    ["by another key", aCheckpoint(1, { key: testKey(2) }), BY],
    ["without a proof of the Manager", aCheckpoint(1), {
      ...BY,
      key: undefined,
    }],
    ["of another Manager", aCheckpoint(1, { managerId: "m-2" }), BY],
    ["without a signature", {
      ...aCheckpoint(1),
      signature: new Uint8Array(),
    }, BY],
  ] as const
) {
  Deno.test(`a checkpoint ${name} is dropped and counted`, async () => {
    const { file, counters, witnesses } = start();

    assertEquals(await witnesses.hear(told, by), undefined);
    assertEquals(file.writes, 0);
    assertEquals(counters.all(), { "checkpoints_dropped": 1n });
  });
}

Deno.test("an audit with fewer entries than before is told once, and takes no place", async () => {
  const { file, witnesses } = start();
  await witnesses.hear(aCheckpoint(9), BY);
  const cut = aCheckpoint(5, { at: 20_000 });

  const noticed = await witnesses.hear(cut, BY);
  assertEquals([noticed?.kept.count, noticed?.told.count], [9n, 5n]);
  assertEquals(await witnesses.hear(cut, BY), undefined);
  assertEquals(file.counts, [9]);
  assertEquals(file.kept.contradictions.length, 1);
});

Deno.test("a checkpoint with as many entries and another hash is a contradiction", async () => {
  const { file, witnesses } = start();
  await witnesses.hear(aCheckpoint(9), BY);

  const noticed = await witnesses.hear(aCheckpoint(9, { fill: 2 }), BY);
  assertEquals(noticed?.kept.hash, new Uint8Array(32).fill(1));
  assertEquals(file.counts, [9]);
});

Deno.test("an old checkpoint that comes again after newer ones is a contradiction", async () => {
  const { witnesses } = start();
  await witnesses.hear(aCheckpoint(3), BY);
  await witnesses.hear(aCheckpoint(9), BY);

  const noticed = await witnesses.hear(aCheckpoint(3), BY);
  assertEquals([noticed?.kept.count, noticed?.told.count], [9n, 3n]);
});

Deno.test("the audit of another Manager contradicts nothing, and replaces nothing", async () => {
  const { file, witnesses } = start();
  await witnesses.hear(aCheckpoint(9), BY);
  const other = aCheckpoint(1, { managerId: "m-2" });

  assertEquals(
    await witnesses.hear(other, { ...BY, managerId: "m-2" }),
    undefined,
  );
  assertEquals(file.counts, [9, 1]);
});

Deno.test("at most 32 checkpoints are kept: the first, the newest, and fewer of the older ones", async () => {
  const { file, witnesses } = start();
  const all = Array.from({ length: 200 }, (_, index) => index + 1);
  for (const count of all) await witnesses.hear(aCheckpoint(count), BY);

  const { counts } = file;
  assertEquals(counts.length, MAX_WITNESSES);
  assertEquals([counts[0], counts.at(-1)], [1, 200]);
  const old = counts.filter((count) => count <= 100).length;
  assertEquals([old > 2, old < MAX_WITNESSES / 2], [true, true]);
});

Deno.test("many checkpoints within a minute push out none of the hours before", () => {
  const hour = 3_600_000;
  const hourly = [1, 2, 3, 4, 5].map((count) =>
    aCheckpoint(count, { at: count * hour })
  );
  const flood = Array.from(
    { length: 60 },
    (_, index) => aCheckpoint(6 + index, { at: 5 * hour + 1_000 * index }),
  );
  let kept: Checkpoint[] = [];
  for (const each of [...hourly, ...flood]) {
    kept = thinned([...kept, each], MAX_WITNESSES);
  }

  assertEquals(kept.slice(0, 4), hourly.slice(0, 4));
});

Deno.test("a damaged file is begun anew", async () => {
  const { file, witnesses } = start();
  file.text = "{";
  await witnesses.hear(aCheckpoint(1), BY);

  assertEquals(file.counts, [1]);
});

Deno.test("a checkpoint that the disk does not take is taken the next time", async () => {
  const { file, witnesses } = start();
  file.fails = true;
  assertEquals(await witnesses.hear(aCheckpoint(1), BY), undefined);
  file.fails = false;
  await witnesses.hear(aCheckpoint(1), BY);

  assertEquals(file.counts, [1]);
});

Deno.test("the file is text that people can read", async () => {
  const { file, witnesses } = start();
  await witnesses.hear(aCheckpoint(7), BY);

  assertMatch(file.text ?? "", /"count": "7",\n/);
});
