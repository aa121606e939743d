import * as v from "valibot";
import { plan } from "../steps/engine/engine.ts";
import type { Operation } from "./operation.ts";
import {
  blobsOfRun,
  onlyOf,
  outcomeOf,
  pathsOfPlan,
  planned,
  recordLines,
  secretsOfRun,
  sheetOf,
  STATE_PARAMETERS,
  STRICT_PARAMETER,
} from "./state_run.ts";
import { runSteps } from "./step_run.ts";

const parameters = v.strictObject({
  ...STATE_PARAMETERS,
  strict: STRICT_PARAMETER,
});

/** Tells what an apply of a state would change. Prints its records as lines of JSON. */
export const statePlan: Operation<typeof parameters> = {
  name: "state.Plan",
  description: "Tells what a state would change on the host; changes nothing",
  parameters,
  acts: false,
  runsPrograms: true,
  blobs: (params) => blobsOfRun(params),
  secrets: secretsOfRun,
  paths: pathsOfPlan,
  async *run(asked, context) {
    const found = await planned(asked, context);
    if ("refusal" in found) return found.refusal;
    const { params } = found;
    const sheet = await sheetOf(params, context);
    const { strict } = params;
    const only = onlyOf(params, sheet);
    return yield* runSteps({
      textOf: recordLines(sheet),
      modules: sheet.modules,
      work: async (means) =>
        outcomeOf(await plan(sheet, means, { only, strict })),
    }, context);
  },
};
