import { assertEquals, assertGreater } from "@std/assert";
import { join } from "@std/path";
import { LoopDevice, NEEDS_LOOP_DEVICES } from "./loop_device.ts";
import { WritingProcess } from "./processes.ts";
import { open, temporaryFolder } from "./support.ts";

/** Output of commands, without the spaces at its end. */
async function outputOf(
  database: string,
  ids: readonly bigint[],
): Promise<string[]> {
  await using store = await open(database);
  const range = { stream: "stdout", offset: 0n, limit: 99 } as const;
  return await Promise.all(ids.map(async (id) => {
    const [piece] = await store.readOutput(id, range);
    return new TextDecoder().decode(piece?.bytes).trimEnd();
  }));
}

const remark = NEEDS_LOOP_DEVICES === undefined
  ? ""
  : ` (ignored because ${NEEDS_LOOP_DEVICES})`;

Deno.test({
  name: `a power cut loses nothing on a disk that was acknowledged${remark}`,
  ignore: NEEDS_LOOP_DEVICES !== undefined,
  fn: async () => {
    await using folder = await temporaryFolder();
    await using disk = await LoopDevice.mount(folder.path);
    await using writing = new WritingProcess(join(disk.path, "manager.db"));
    for (const count of [200, 600, 1_000, 1_400]) {
      await writing.hasTold(count);
      const { acknowledged } = writing;

      await using cut = await disk.afterPowerCut();

      const found = await outputOf(join(cut.path, "manager.db"), acknowledged);
      assertEquals(found, acknowledged.map(String));
      assertGreater(writing.acknowledged.length, acknowledged.length);
    }
  },
});
