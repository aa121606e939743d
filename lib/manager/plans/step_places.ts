import * as v from "valibot";
import { encodeHex } from "@std/encoding/hex";
import { SHA256_PATTERN } from "../../base/blob.ts";
import { codeOf } from "../../base/errors.ts";
import { planIn } from "../../base/plan_name.ts";
import { canonicalHash } from "../../base/statement.ts";
import {
  MAX_PLACES_BYTES,
  type NamedPlace,
  readPlaces,
  type StepPlace,
} from "../../steps/step_places.ts";
import type { PlanAgentRecord } from "../../store/plan_records.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { CommandPlace, PlanEntry, PlanGroup } from "../api/plan_api.ts";

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

const Debt = v.object({
  state: v.optional(v.string()),
  listener: v.string(),
  cause: v.string(),
});

const Result = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    failedStep: v.optional(v.string()),
    moved: v.optional(v.array(v.string()), []),
    owed: v.optional(v.array(Debt), []),
    forgiven: v.optional(v.array(Debt), []),
  }),
);

/** Names of the steps that the result of a run names, each once, by their states; undefined is the state of the run. */
function namedIn(data: string): ReadonlyMap<string | undefined, string[]> {
  const read = v.safeParse(Result, data);
  if (!read.success) return new Map();
  const { failedStep, moved, owed, forgiven } = read.output;
  const named = new Map<string | undefined, Set<string>>();
  const add = (state: string | undefined, ...steps: string[]) => {
    const known = named.get(state) ?? new Set();
    named.set(state, known);
    for (const step of steps) known.add(step);
  };
  if (failedStep !== undefined) add(undefined, failedStep);
  add(undefined, ...moved);
  for (const { state, listener, cause } of [...owed, ...forgiven]) {
    add(state, listener, cause);
  }
  return new Map([...named].map(([state, steps]) => [state, [...steps]]));
}

/** Names of the steps that the result of a run names, as its failed one. */
function stepsNamedIn(data: string): readonly string[] {
  return [...new Set([...namedIn(data).values()].flat())];
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

/** Means of looking up the places of steps of commands. */
export interface CommandPlacesOptions {
  readonly store: Pick<Store, "plan" | "planAgents" | "planPlaces">;
  readonly places: KeptPlaces;
}

/**
 * Places of steps of a command, as the files were when its state was compiled.
 *
 * @param steps Full names; those that its result names if empty.
 */
export async function commandPlaces(
  { agent, operation, params, data, createdAt }: CommandRecord,
  steps: readonly string[],
  { store, places }: CommandPlacesOptions,
): Promise<readonly CommandPlace[]> {
  const found: CommandPlace[] = [];
  const take = async (
    sha256: string,
    stateName: string,
    steps: readonly string[],
  ) => {
    for (const place of await places.of(sha256, steps)) {
      found.push({ stateName, ...place });
    }
  };
  const until = createdAt;
  switch (operation) {
    case "state.Plan":
    case "state.Apply": {
      const wanted = steps.length === 0 ? stepsNamedIn(data ?? "") : steps;
      const plan = planIn(operation, params);
      if (plan === undefined) {
        const run = sheetIn(params);
        if (run === undefined) break;
        const { sheet, stateName } = run;
        await take(
          await store.planPlaces({ agent, until, sheet }),
          stateName,
          wanted,
        );
        break;
      }
      const id = BigInt(plan.slice("p-".length));
      const [part] = await store.planAgents(id, agent);
      const { stateName = "" } = await store.plan(id) ?? {};
      await take(part?.places ?? "", stateName, wanted);
      break;
    }
    case "state.Owed":
    case "state.Forgive":
      for (const [state, named] of namedIn(data ?? "")) {
        if (state === undefined) continue;
        const wanted = steps.length === 0
          ? named
          : named.filter((step) => steps.includes(step));
        await take(
          await store.planPlaces({ agent, until, appliedState: state }),
          state,
          wanted,
        );
      }
  }
  return found;
}

const Run = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    sheet: v.union([
      v.pipe(v.string(), v.regex(SHA256_PATTERN)),
      v.looseObject({ state: v.string() }),
    ]),
    state: v.optional(v.string(), ""),
  }),
);

/** SHA-256 of the compiled state that parameters without a plan have or name. */
function sheetIn(
  params: string,
): { readonly sheet: string; readonly stateName: string } | undefined {
  const read = v.safeParse(Run, params);
  if (!read.success) return undefined;
  const { sheet, state } = read.output;
  return typeof sheet === "string"
    ? { sheet, stateName: state }
    : { sheet: encodeHex(canonicalHash(sheet)), stateName: sheet.state };
}
