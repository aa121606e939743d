import { Limits } from "../base/limits.ts";
import { cutText } from "../base/text.ts";
import { type Facts, hostFacts } from "./host_facts.ts";
import { type OwnFacts, ownFacts } from "./own_facts.ts";
import type { Surroundings } from "./surroundings.ts";

/** Bytes that stay free for the facts about facts. */
const SPARE_BYTES = 1_200;

/** Longest text about files that could not be used, in bytes. */
const MAX_ERRORS_BYTES = 1_000;

/** All facts about this host: those of the system, and those of its own, which win. Together they fit into a hello. */
export async function allFacts(
  { surroundings, told = {}, timeoutMs }: {
    readonly surroundings: Surroundings;
    /** Facts that the agent tells besides. */
    readonly told?: Facts;
    readonly timeoutMs?: number;
  },
): Promise<Facts> {
  const { factsFolder } = surroundings;
  const [host, own] = await Promise.all([
    hostFacts(),
    factsFolder === undefined
      ? { facts: {}, errors: [] }
      : ownFacts(factsFolder, {
        surroundings,
        ...timeoutMs === undefined ? {} : { timeoutMs },
      }),
  ]);
  return cutFacts({ ...told, ...host }, own);
}

/**
 * Facts of a host and of its own, at most as large as a hello may have them. Those of its own come last: what does not fit
 * is left out, and counted in the fact `facts.cut`. Files that could not be used are told in `facts.errors`.
 *
 * @param most Most bytes of all names and values.
 */
export function cutFacts(
  host: Facts,
  { facts: own, errors }: OwnFacts,
  most: number = Limits.facts,
): Facts {
  const facts: Record<string, string> = {};
  let left = most - SPARE_BYTES;
  let cut = 0;
  for (const [name, value] of Object.entries({ ...host, ...own })) {
    const bytes = bytesOf(name) + bytesOf(value);
    if (bytes <= left) {
      facts[name] = value;
      left -= bytes;
    } else cut++;
  }
  if (cut > 0) facts["facts.cut"] = String(cut);
  if (errors.length > 0) {
    facts["facts.errors"] = cutText(errors.join("; "), MAX_ERRORS_BYTES);
  }
  return facts;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
