import * as v from "valibot";
import { encodeHex } from "@std/encoding/hex";
import { SHA256_PATTERN } from "../../base/blob.ts";
import { planIn } from "../../base/plan_name.ts";
import { canonicalHash } from "../../base/statement.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { CommandPlace } from "../api/plan_api.ts";
import { namedIn, stepsNamedIn } from "./named_steps.ts";
import type { KeptPlaces } from "./step_places.ts";

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
