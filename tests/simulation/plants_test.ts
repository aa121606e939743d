import { assertNotEquals } from "@std/assert";
import { type Plant, PLANTS } from "./plants.ts";
import { complaintOf, search } from "./search.ts";

/** Count of seeds within which each bug must be found. */
const SEEDS = 500;

/** Agents of each fleet: in larger ones a bug shows at earlier seeds. */
const AGENTS = 20;

for (const plant of PLANTS) {
  Deno.test(`the planted bug "${plant}" is found`, () => isFound(plant));
}

async function isFound(plant: Plant): Promise<void> {
  const broken = await search({ from: 1, seeds: SEEDS, agents: AGENTS, plant });
  assertNotEquals(complaintOf(broken), "");
}
