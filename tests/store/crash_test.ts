import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { writeUntilKilled } from "./processes.ts";
import { open, temporaryFolder } from "./support.ts";

Deno.test("a Manager that is killed loses nothing that was acknowledged, and gives no id twice", async () => {
  await using folder = await temporaryFolder();
  const acknowledged: bigint[] = [];
  for (const count of [100, 300, 1_000]) {
    acknowledged.push(...await writeUntilKilled(folder.database, count));
  }

  await using store = await open(folder.database);
  const found = await Promise.all(acknowledged.map(async (id) => {
    const [piece] = await store.readOutput(id, {
      stream: "stdout",
      offset: 0n,
      limit: 99,
    });
    return BigInt(new TextDecoder().decode(piece?.bytes).trimEnd());
  }));

  assertGreaterOrEqual(acknowledged.length, 1_390);
  assertEquals(found, acknowledged);
  assertEquals(new Set(acknowledged).size, acknowledged.length);
  const { commandsTotal } = await store.stats();
  const all = await store.commands({ limit: 1_000_000 });
  assertEquals(BigInt(all.length), commandsTotal);
});
