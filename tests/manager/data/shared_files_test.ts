import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { SharedFiles } from "../../../lib/manager/data/shared_files.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const decoder = new TextDecoder();

/** Files of a folder, with the number of look-ups so far. */
async function sharedIn(content: Record<string, string>) {
  const folder = await TempFolder.make();
  for (const [name, text] of Object.entries(content)) {
    await folder.write(name, text);
  }
  const clock = new FakeClock();
  let gate = Promise.resolve();
  const files = new SharedFiles(clock);
  let lookUps = 0;
  return {
    clock,
    lookUps: () => lookUps,
    /** Holds all later look-ups until the returned function is called. */
    holdLookUps: () => {
      const held = Promise.withResolvers<void>();
      gate = held.promise;
      return held.resolve;
    },
    read: async (key: string, name: string, offset: number, length: number) => {
      const find = async () => {
        lookUps++;
        await gate;
        return folder.at(name);
      };
      return decoder.decode(await files.read(key, find, { offset, length }));
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("reads at the same time share one open file, in any order", async () => {
  await using files = await sharedIn({ a: "0123456789" });
  const read = await Promise.all([
    files.read("k", "a", 0, 4),
    files.read("k", "a", 4, 4),
    files.read("k", "a", 2, 2),
    files.read("k", "a", 8, 100),
    files.read("k", "a", 20, 4),
  ]);
  assertEquals(read, ["0123", "4567", "23", "89", ""]);
  assertEquals(files.lookUps(), 1);
});

Deno.test("a read of a whole file takes no more memory than the file has bytes", async () => {
  await using folder = await TempFolder.make();
  await folder.write("a", "0123456789");
  const files = new SharedFiles(new FakeClock());
  const find = () => Promise.resolve(folder.at("a"));
  for (
    const [offset, text] of [[0, "0123456789"], [8, "89"], [20, ""]] as const
  ) {
    const bytes = await files.read("k", find, { offset, length: 16_777_216 });
    assertEquals(decoder.decode(bytes), text);
    assertEquals(bytes.buffer.byteLength, text.length);
  }
});

Deno.test("a read alone, later or by another key looks the file up anew", async () => {
  await using files = await sharedIn({ a: "old", b: "new" });
  assertEquals(await files.read("k", "a", 0, 3), "old");
  assertEquals(await files.read("k", "b", 0, 3), "new");
  assertEquals(files.lookUps(), 2);

  const release = files.holdLookUps();
  const together = [files.read("k", "a", 0, 3), files.read("other", "b", 0, 3)];
  await files.clock.advance(250);
  together.push(files.read("k", "b", 0, 3));
  release();
  assertEquals(await Promise.all(together), ["old", "new", "new"]);
  assertEquals(files.lookUps(), 5);
});

Deno.test("a missing file rejects all its readers, and the next one looks it up again", async () => {
  await using files = await sharedIn({ a: "here" });
  const shared = new SharedFiles();
  const missing = () =>
    Promise.reject(new PiriError("NOT_FOUND", "Cannot find it"));
  const range = { offset: 0, length: 4 };
  const both = await Promise.allSettled([
    shared.read("k", missing, range),
    shared.read("k", missing, range),
  ]);
  assertEquals(both.map(({ status }) => status), ["rejected", "rejected"]);
  await assertRejects(() => shared.read("k", missing, range), PiriError);
  assertEquals(await files.read("k", "a", 0, 4), "here");
});

Deno.test("pieces that follow each other are cut where the file ends, beside one that does not", async () => {
  await using files = await sharedIn({ a: "0123456789" });
  const read = await Promise.all([
    files.read("k", "a", 3, 4),
    files.read("k", "a", 7, 4),
    files.read("k", "a", 11, 4),
    files.read("k", "a", 0, 2),
    files.read("k", "a", 15, 4),
  ]);

  assertEquals(read, ["3456", "789", "", "01", ""]);
});
