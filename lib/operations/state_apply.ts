import * as v from "valibot";
import { apply } from "../steps/engine/engine.ts";
import { flag } from "./file_params.ts";
import type { Operation } from "./operation.ts";
import {
  blobsOfRun,
  EXPECT_PARAMETER,
  expectedOf,
  outcomeOf,
  pathsOfRun,
  planned,
  recordLines,
  secretsOfRun,
  sheetOf,
  STATE_PARAMETERS,
} from "./state_run.ts";
import { runSteps } from "./step_run.ts";

const parameters = v.strictObject({
  ...STATE_PARAMETERS,
  expect: EXPECT_PARAMETER,
  strict: v.optional(
    flag("Whether what no plan can foresee is refused; false by default"),
  ),
});

/** Makes the host be as a state says. Prints its records as lines of JSON. */
export const stateApply: Operation<typeof parameters> = {
  name: "state.Apply",
  description: "Makes the host be as a state says, step by step",
  parameters,
  acts: true,
  blobs: ({ expect, ...params }) => blobsOfRun(params, expect),
  secrets: secretsOfRun,
  paths: pathsOfRun,
  async *run(asked, context) {
    const params = await planned(asked, context);
    const sheet = await sheetOf(params, context);
    const expected = await expectedOf(params.expect, context);
    const { only, strict } = params;
    return yield* runSteps({
      textOf: recordLines(sheet),
      modules: sheet.modules,
      work: async (means) =>
        outcomeOf(await apply(sheet, means, { only, expected, strict })),
    }, context);
  },
};
