import { assertEquals } from "@std/assert";
import { BATCH, describe, runBatch, type Side } from "./fuzz/fuzz.ts";
import { Troubles } from "./fuzz/troubles.ts";

/** So many inputs a side: about 15 s in all. `deno task fuzz` tries others, and as many as wanted. */
const INPUTS = 6_000;

/** What went wrong in the inputs of the first seeds. */
async function findings(side: Side): Promise<string[]> {
  await using troubles = await Troubles.watch();
  for (let seed = 1; seed <= INPUTS / BATCH; seed++) {
    const { failure } = await runBatch(side, seed, troubles);
    if (failure !== undefined) return [describe(failure)];
  }
  return [];
}

Deno.test("whatever an agent says, the Manager bears it and believes no more than it should", async () => {
  assertEquals(await findings("manager"), []);
});

Deno.test("whatever a Manager says, the agent bears it and does no more than it should", async () => {
  assertEquals(await findings("agent"), []);
});
