import type { Operation } from "../../lib/operations/operation.ts";
import { checkParams } from "../../lib/operations/params.ts";
import { stateApply } from "../../lib/operations/state_apply.ts";
import { statePlan } from "../../lib/operations/state_plan.ts";
import {
  recordOfLine,
  type StepRecord,
} from "../../lib/steps/engine/records.ts";
import { finish, newContext } from "../operations/support.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { sheetOf } from "./runs.ts";

/** Answer of a plan or an apply of one step on this host. */
export interface Told {
  readonly verdict: StepRecord["verdict"] | undefined;
  /** Changes, a line each. */
  readonly changes: readonly string[];
  /** Reason of a failed step or a failed plan. */
  readonly reason: string;
  readonly succeeded: boolean;
}

/** Folder for steps on this very host. */
export interface StepPlace extends AsyncDisposable {
  readonly folder: TempFolder;
  plan(operation: string, params: object): Promise<Told>;
  apply(operation: string, params: object): Promise<Told>;
}

/** Makes a folder in which one step at a time is planned and applied, as an agent does it. */
export async function stepPlace(
  data?: Parameters<typeof newContext>[0],
): Promise<StepPlace> {
  const folder = await TempFolder.make();
  const run = async (
    act: Operation,
    operation: string,
    params: object,
  ): Promise<Told> => {
    const context = newContext(data, { stepsFolder: folder.at("steps") });
    const sheet = sheetOf({ operation, params: params as never });
    const { stdout, outcome } = await finish(
      act.run(checkParams(act, JSON.stringify({ sheet })), context),
    );
    const records = new TextDecoder().decode(stdout).split("\n")
      .filter((line) => line !== "")
      .map(recordOfLine);
    const step = records.find((record) => record.kind === "step");
    return {
      verdict: step?.verdict,
      changes: (step?.changes ?? []).map(({ what, from, to }) =>
        [what, from, to].filter((part) => part !== undefined).join(" ")
      ),
      reason: JSON.stringify(step) + (outcome.message ?? ""),
      succeeded: outcome.success,
    };
  };
  return {
    folder,
    plan: (operation, params) => run(statePlan, operation, params),
    apply: (operation, params) => run(stateApply, operation, params),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
