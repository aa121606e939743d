import type { Control } from "../lib/api/client.ts";
import { codeOf } from "../lib/base/errors.ts";
import type { Random } from "../lib/base/random.ts";
import { type Identity, identityOf } from "./identity.ts";
import { inParallel } from "./parallel.ts";

/** Number of requests to a Manager that are under way at a time. */
const PARALLEL = 50;

/** Names of simulated agents: sim-00001 and on, after this number of others. */
export function namesOf(count: number, after = 0): string[] {
  return Array.from(
    { length: count },
    (_, i) => `sim-${String(after + i + 1).padStart(5, "0")}`,
  );
}

/** Adds agents to a Manager, or gets new tokens for known ones, and returns their identities. */
export async function enrolAll(
  control: Control,
  names: readonly string[],
  random: Random,
): Promise<Identity[]> {
  const identities: Identity[] = [];
  await inParallel(names, PARALLEL, async (id) => {
    identities.push(identityOf(await tokenFor(control, id), random));
  });
  return identities;
}

async function tokenFor({ agents }: Control, id: string): Promise<string> {
  try {
    return (await agents.addAgent({ id })).token;
  } catch (error) {
    if (codeOf(error) !== "ALREADY_EXISTS") throw error;
    return (await agents.renewToken({ id })).token;
  }
}
