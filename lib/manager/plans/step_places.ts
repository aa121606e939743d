import { codeOf } from "../../base/errors.ts";
import {
  MAX_PLACES_BYTES,
  type NamedPlace,
  readPlaces,
  type StepPlace,
} from "../../steps/step_places.ts";
import type { PlanAgentRecord } from "../../store/plan_records.ts";
import type { PlanEntry, PlanGroup } from "../api/plan_api.ts";
import type { Blobs } from "../blobs/blobs.ts";
import { stepsNamedIn } from "./named_steps.ts";

/** Compiled states whose places are remembered. */
const MAX_READ = 16;

/** Reads places that were kept when states were compiled. */
export class KeptPlaces {
  readonly #blobs: Pick<Blobs, "read">;
  readonly #read = new Map<string, ReadonlyMap<string, StepPlace>>();

  /** @param blobs Contents by their hashes. */
  constructor(blobs: Pick<Blobs, "read">) {
    this.#blobs = blobs;
  }

  /** Places by the names of steps. None where they were not kept, or are no longer. */
  async in(sha256: string): Promise<ReadonlyMap<string, StepPlace>> {
    if (sha256 === "") return new Map();
    const known = this.#read.get(sha256);
    if (known !== undefined) return known;
    const range = { offset: 0, length: MAX_PLACES_BYTES };
    const bytes = await this.#blobs.read(sha256, range).catch((error) => {
      // The oldest go where there is no room: the rest is still shown.
      if (codeOf(error) === "NOT_FOUND") return new Uint8Array();
      throw error;
    });
    const places = readPlaces(new TextDecoder().decode(bytes));
    const [oldest] = this.#read.keys();
    if (this.#read.size >= MAX_READ && oldest !== undefined) {
      this.#read.delete(oldest);
    }
    this.#read.set(sha256, places);
    return places;
  }

  /** Places of some steps. */
  async of(
    sha256: string,
    steps: readonly string[],
  ): Promise<readonly NamedPlace[]> {
    if (steps.length === 0) return [];
    const places = await this.in(sha256);
    return steps.flatMap((step) => {
      const place = places.get(step);
      return place === undefined ? [] : [{ step, ...place }];
    });
  }
}

/** Finds the hashes of the places of agents by their names; empty for none. */
function hashesOf(
  agents: readonly PlanAgentRecord[],
): (agent: string) => string {
  const hashes = new Map(agents.map(({ agent, places }) => [agent, places]));
  return (agent) => hashes.get(agent) ?? "";
}

/** Adds the places of steps to groups: those of the first agent of each. */
export async function groupsWithPlaces(
  groups: readonly PlanGroup[],
  agents: readonly PlanAgentRecord[],
  places: KeptPlaces,
): Promise<readonly PlanGroup[]> {
  const hashOf = hashesOf(agents);
  const placed: PlanGroup[] = [];
  for (const group of groups) {
    const known = await places.in(hashOf(group.agents[0] ?? ""));
    placed.push({
      ...group,
      steps: group.steps.map((step) => {
        const place = known.get(step.name);
        return place === undefined ? step : { ...step, place };
      }),
    });
  }
  return placed;
}

/** Adds to agents of a plan the places of the steps that the results of their commands name. */
export async function entriesWithPlaces(
  entries: readonly PlanEntry[],
  agents: readonly PlanAgentRecord[],
  places: KeptPlaces,
): Promise<readonly PlanEntry[]> {
  const hashOf = hashesOf(agents);
  const placed: PlanEntry[] = [];
  for (const entry of entries) {
    const named = stepsNamedIn(entry.applyData);
    placed.push(
      named.length === 0
        ? entry
        : { ...entry, places: await places.of(hashOf(entry.agent), named) },
    );
  }
  return placed;
}
