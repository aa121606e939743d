import { assertEquals } from "@std/assert";
import { BATCH, describe, runBatch, type Side } from "./fuzz/fuzz.ts";
import { Troubles } from "./fuzz/troubles.ts";

/** Number of inputs for each side: about 15 s in all. `deno task fuzz` tries others, and any number of them. */
const INPUTS = 6_000;

/** Failures among the inputs of the first seeds. */
async function findings(side: Side): Promise<string[]> {
  await using troubles = await Troubles.watch();
  for (let seed = 1; seed <= INPUTS / BATCH; seed++) {
    const { failure } = await runBatch(side, seed, troubles);
    if (failure !== undefined) return [describe(failure)];
  }
  return [];
}

Deno.test("the Manager withstands whatever an agent says, and believes no more than it should", async () => {
  assertEquals(await findings("manager"), []);
});

Deno.test("an agent withstands whatever a Manager says, and does no more than it should", async () => {
  assertEquals(await findings("agent"), []);
});
