import { assertEquals } from "@std/assert";
import { reachAnew } from "./fuzz/collect.ts";
import { CORPUS, readIndex, readKept } from "./fuzz/corpus.ts";
import { openTarget, SIDES, tryOne } from "./fuzz/fuzz.ts";
import { plainly } from "./fuzz/target.ts";
import { Troubles } from "./fuzz/troubles.ts";

/** Largest number of pieces of an input. Long inputs get longer pieces. */
const MAX_PIECES = 2_000;

function inPieces(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const size = Math.max(1, Math.ceil(bytes.length / MAX_PIECES));
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, index) => bytes.slice(index * size, (index + 1) * size),
  );
}

Deno.test("every kept input has its line, and every line its input", async () => {
  const files = await Array.fromAsync(Deno.readDir(CORPUS));
  assertEquals(
    (await readIndex()).map(({ file }) => file).sort(),
    files.map(({ name }) => name).filter((name) => name !== "README.md").sort(),
  );
});

Deno.test("every kept input ends as its line says, whole and byte by byte", async () => {
  await using troubles = await Troubles.watch();
  for (const kept of await readIndex()) {
    const bytes = await readKept(kept);
    const whole = await reachAnew(kept.side, bytes, troubles);
    await using target = await openTarget(kept.side);
    const { script } = plainly(bytes);
    const cut = await tryOne(target, {
      script: { ...script, chunks: inPieces(bytes) },
      interventions: [],
    }, troubles);
    assertEquals([kept.file, whole.end], [kept.file, kept.end]);
    assertEquals([kept.file, cut.end], [kept.file, kept.end]);
    assertEquals([kept.file, whole.features.has(kept.reaches)], [
      kept.file,
      true,
    ]);
  }
});

Deno.test("both sides withstand the kept inputs of either side", async () => {
  await using troubles = await Troubles.watch();
  for (const side of SIDES) {
    for (const kept of await readIndex()) {
      await reachAnew(side, await readKept(kept), troubles);
    }
  }
});
