import * as v from "valibot";
import { apply } from "../steps/engine/engine.ts";
import type { Operation } from "./operation.ts";
import {
  blobsOfRun,
  EXPECT_PARAMETER,
  expectedOf,
  onlyOf,
  outcomeOf,
  pathsOfRun,
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
  expect: EXPECT_PARAMETER,
  strict: STRICT_PARAMETER,
});

/** Makes the host be as a state says. Prints its records as lines of JSON. */
export const stateApply: Operation<typeof parameters> = {
  name: "state.Apply",
  description: "Makes the host be as a state says, step by step",
  parameters,
  acts: true,
  runsPrograms: true,
  blobs: ({ expect, ...params }) => blobsOfRun(params, expect),
  secrets: secretsOfRun,
  paths: pathsOfRun,
  async *run(asked, context) {
    const found = await planned(asked, context);
    if ("refusal" in found) return found.refusal;
    const { params } = found;
    const sheet = await sheetOf(params, context);
    const expected = await expectedOf(params.expect, context);
    const { strict } = params;
    const only = onlyOf(params, sheet);
    return yield* runSteps({
      textOf: recordLines(sheet),
      modules: sheet.modules,
      work: async (means) =>
        outcomeOf(await apply(sheet, means, { only, expected, strict })),
    }, context);
  },
};
