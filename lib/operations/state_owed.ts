import * as v from "valibot";
import { readOnlyDisk } from "../base/read_only_disk.ts";
import { debtsMeant } from "../steps/engine/forgive.ts";
import { type Debt, Owed, readDebts } from "../steps/engine/owed.ts";
import type { Operation } from "./operation.ts";
import { runInTurn, stepsFolderOf } from "./step_run.ts";

/** Most debts in a result: with their names they fit into it. */
const MAX_TOLD = 500;

/** Longest name of a step, in characters. */
const MAX_NAME = 1_000;

const owedParameters = v.strictObject({});

/** Tells which reactions are owed on the host. Waits for no run. */
export const stateOwed: Operation<typeof owedParameters> = {
  name: "state.Owed",
  description:
    "Tells which reactions are owed on the host, as restarts after a run that failed or was interrupted",
  parameters: owedParameters,
  acts: false,
  // deno-lint-ignore require-yield
  async *run(_, context) {
    const debts = await readDebts(readOnlyDisk(stepsFolderOf(context)));
    return {
      success: true,
      changed: false,
      message: debts.length === 0
        ? "nothing is owed"
        : `${counted(debts)} owed`,
      data: dataOf(debts),
    };
  },
};

const forgiveParameters = v.strictObject({
  steps: v.pipe(
    v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_NAME))),
    v.minLength(1),
    v.maxLength(100),
    v.description(
      'Steps to which nothing shall be owed any more: names, ends of names behind a colon, or patterns with "*"',
    ),
  ),
  state: v.optional(v.pipe(
    v.string(),
    v.maxLength(MAX_NAME),
    v.description(
      "Name of their state, empty for the whole state of the agent; any if absent",
    ),
  )),
});

/** Forgives reactions that are owed: no run makes up for them. */
export const stateForgive: Operation<typeof forgiveParameters> = {
  name: "state.Forgive",
  description: "Forgives reactions that are owed, so that no run does them",
  parameters: forgiveParameters,
  acts: true,
  async *run(forgiven, context) {
    return yield* runInTurn(context, async ({ disk }) => {
      const owed = await Owed.load(disk);
      const meant = debtsMeant(owed.all, forgiven);
      await owed.end(meant);
      return {
        success: true,
        changed: true,
        message: `${counted(meant)} forgiven`,
        data: { ...dataOf(owed.all), forgiven: meant.slice(0, MAX_TOLD) },
      };
    });
  },
};

function dataOf(debts: readonly Debt[]) {
  return { owed: debts.slice(0, MAX_TOLD), count: debts.length };
}

function counted({ length }: readonly Debt[]): string {
  return length === 1 ? "1 reaction is" : `${length} reactions are`;
}
