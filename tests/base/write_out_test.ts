import { assertEquals, assertRejects } from "@std/assert";
import { WriteOut } from "../../lib/base/write_out.ts";

const MEGABYTE = 1_048_576;

/** A disk whose syncs end when a test says so. */
function slowDisk() {
  const syncs: PromiseWithResolvers<void>[] = [];
  const writeOut = new WriteOut(() => {
    const sync = Promise.withResolvers<void>();
    syncs.push(sync);
    return sync.promise;
  });
  return { syncs, writeOut };
}

Deno.test("a file is written to the disk for each 16 MiB, one sync at a time", async () => {
  const { syncs, writeOut } = slowDisk();
  writeOut.wrote(15 * MEGABYTE);
  const before = syncs.length;
  writeOut.wrote(MEGABYTE);
  writeOut.wrote(20 * MEGABYTE);
  const during = syncs.length;
  syncs[0]?.resolve();
  await writeOut.settled();
  writeOut.wrote(1);
  syncs[1]?.resolve();
  await writeOut.settled();

  assertEquals([before, during, syncs.length], [0, 1, 2]);
});

Deno.test("an error of the disk is told once the file is complete, and is never forgotten", async () => {
  const { syncs, writeOut } = slowDisk();
  writeOut.wrote(16 * MEGABYTE);
  syncs[0]?.reject(new Error("the disk has failed"));
  await assertRejects(() => writeOut.settled(), Error, "the disk has failed");
  writeOut.wrote(16 * MEGABYTE);
  syncs[1]?.resolve();

  await assertRejects(() => writeOut.settled(), Error, "the disk has failed");
});

Deno.test("a small file waits for nothing", async () => {
  const { syncs, writeOut } = slowDisk();
  writeOut.wrote(1_000);
  await writeOut.settled();

  assertEquals(syncs.length, 0);
});
