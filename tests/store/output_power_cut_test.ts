import { assertEquals, assertGreater } from "@std/assert";
import { systemClock } from "../../lib/base/clock.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { Database } from "../../lib/store/database.ts";
import { MemorySegments } from "../../lib/store/memory_segments.ts";
import { Meta } from "../../lib/store/meta.ts";
import { migrate } from "../../lib/store/migrate.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { Seeded } from "../support/seeded.ts";
import { create, temporaryFolder } from "./support.ts";

/** Segments of a machine whose power can fail: only what was synced is sure to be there then. */
class MortalSegments extends MemorySegments {
  readonly #synced = new Map<number, number>();

  override sync(segment?: number): void {
    if (segment !== undefined) this.#synced.set(segment, this.size(segment));
  }

  override remove(segment: number): void {
    super.remove(segment);
    this.#synced.delete(segment);
  }

  /** Files as the next start finds them. Of bytes that were not synced there is any part, and zeros for the rest. */
  afterPowerCut(random: Seeded): MortalSegments {
    const files = new MortalSegments();
    for (const segment of this.list()) {
      const synced = this.#synced.get(segment) ?? 0;
      const there = random.between(synced, this.size(segment));
      if (there === 0 && random.chance(0.5)) continue;
      files.write(segment, 0, this.read(segment, 0, there));
      if (random.chance(0.3)) {
        files.write(segment, there, new Uint8Array(random.below(50)));
      }
      files.sync(segment);
    }
    return files;
  }
}

/** Output that was acknowledged and is to be kept, by command: its first byte and all its bytes. */
type Told = Map<bigint, { from: number; bytes: number[] }>;

/** A store on these files, on a copy of a database. */
function openOn(path: string, files: MemorySegments): SqliteStore {
  const db = new Database(path);
  db.get("PRAGMA synchronous = OFF");
  migrate(db, path);
  const meta = new Meta(db, { random: systemRandom, at: systemClock.now() });
  const place = { files, largeBytes: 20 };
  return new SqliteStore(db, { meta, place, resources: db });
}

/** Appends, drops and deletes at random, and tells what is kept of each command. */
async function work(
  store: Store,
  random: Seeded,
  told: Told,
): Promise<void> {
  const acts = Array.from({ length: random.between(1, 6) }, async () => {
    if (told.size < 2 || random.chance(0.1)) {
      told.set(await create(store), { from: 0, bytes: [] });
    }
  });
  await Promise.all(acts);
  const written = [...told].map(async ([id, kept]) => {
    const act = random.fraction();
    const end = kept.from + kept.bytes.length;
    if (act < 0.7) {
      const bytes = random.bytes(random.pick([1, 19, 20, 40, 300]));
      const offset = BigInt(end);
      const piece = { stream: "stdout", offset, bytes, cut: 0n, keep: true };
      await store.appendOutput(
        id,
        piece as Parameters<Store["appendOutput"]>[1],
      );
      kept.bytes.push(...bytes);
    } else if (act < 0.75) {
      await store.patchCommand({ id, state: "succeeded", finishedAt: 1 });
      told.delete(id);
    }
  });
  await Promise.all(written);
  if (random.chance(0.2)) {
    await store.prune({ before: 2, outputBytes: 1n << 60n });
  }
}

async function keptOf(store: Store, ids: Iterable<bigint>): Promise<Told> {
  const found: Told = new Map();
  for (const id of ids) {
    const range = { stream: "stdout", offset: 0n, limit: 1e9 } as const;
    const pieces = await store.readOutput(id, range);
    const bytes = pieces.flatMap(({ bytes }) => [...bytes]);
    found.set(id, { from: Number(pieces[0]?.offset ?? 0n), bytes });
  }
  return found;
}

Deno.test("output that was acknowledged is there after a power cut at any time", async () => {
  await using folder = await temporaryFolder();
  let cuts = 0;
  let removed = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Seeded(seed);
    const told: Told = new Map();
    let files = new MortalSegments();
    let path = `${folder.path}/${seed}`;
    let store = openOn(path, files);
    for (let step = 0; step < 40; step++) {
      const before = files.list().length;
      await work(store, random, told);
      removed += Math.max(0, before - files.list().length);
      if (!random.chance(0.15)) continue;
      cuts++;
      files = files.afterPowerCut(random);
      const next = `${path}-${step}`;
      await store[Symbol.asyncDispose]();
      await Deno.rename(path, next);
      path = next;
      store = openOn(path, files);
      assertEquals(await keptOf(store, told.keys()), told, `seed ${seed}`);
    }
    assertEquals(await keptOf(store, told.keys()), told, `seed ${seed}`);
    await store[Symbol.asyncDispose]();
  }
  assertGreater(cuts, 200);
  assertGreater(removed, 50);
});
