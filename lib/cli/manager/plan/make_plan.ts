import type {
  Job,
  MakePlanRequestInit,
  Plan,
  PlanProblem,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { HintedError } from "../../errors.ts";
import { ExitCode } from "../../exit_code.ts";
import { answered } from "../ids.ts";
import { tellLeftOut } from "../left_out.ts";
import { withTargetHint } from "../target_flags.ts";
import { beginWaiting, type PlanContext } from "./begin_waiting.ts";
import { followPlan, type PlanFollowed } from "./follow_plan.ts";
import { planProblemJson } from "./plan_json.ts";

/** A plan that was made, with the end of its job; without a plan, the exit code of errors that were shown. */
export interface PlanMade extends PlanFollowed {
  readonly plan?: Plan;
}

/** Makes a plan and waits until all hosts were looked at. Errors of the state are shown. */
export async function makePlan(
  request: MakePlanRequestInit,
  context: PlanContext,
): Promise<PlanMade> {
  const { connect, output } = context;
  const listLine = "piri-manager plan list";
  using waiting = await beginWaiting(context, { listLine });
  const { client, patience, follow } = waiting;
  const made = await withTargetHint(
    client.call(
      (control, { signal }) => control.plans.makePlan(request, { signal }),
      {
        signal: patience.signal,
        failure: (fact) =>
          new HintedError(
            "UNAVAILABLE",
            `Cannot tell whether a plan was made: ${fact}`,
            listLine,
          ),
      },
    ),
    request.targets,
  );
  if (made.problems.length > 0) {
    await tellProblems(made.problems, context);
    return { exitCode: ExitCode.failed, isCancelled: false };
  }
  if (made.notes !== undefined) await tellLeftOut(made.notes, output);
  if (made.without.length > 0) {
    await output.note(
      `left out, without this state: ${foldNames(made.without)}`,
    );
  }
  if (made.withoutSteps.length > 0) {
    await output.note(
      `left out, without these steps: ${foldNames(made.withoutSteps)}`,
    );
  }
  const { id, jobId } = answered(made.plan, "make a plan");
  const end = jobId === undefined
    ? { exitCode: ExitCode.ok, isCancelled: false }
    : await followPlan(await jobOf(jobId, connect), follow);
  return { plan: await getPlan(id, connect), ...end };
}

/** A plan as it is now. */
export async function getPlan(
  id: bigint,
  connect: PlanContext["connect"],
): Promise<Plan> {
  using control = await connect();
  const { plan } = await control.plans.getPlan({ id });
  return answered(plan, `show plan p-${id}`);
}

/** A job as it is now. */
export async function jobOf(
  jobId: bigint,
  connect: PlanContext["connect"],
): Promise<Job> {
  using control = await connect();
  const { job } = await control.jobs.getJob({ jobId });
  return answered(job, `follow job j-${jobId}`);
}

async function tellProblems(
  problems: readonly PlanProblem[],
  { json, output }: PlanContext,
): Promise<void> {
  for (const problem of problems) {
    if (json) {
      await output.value(planProblemJson(problem));
      continue;
    }
    await output.line(problem.text);
    await output.line(`  for ${foldNames(problem.agents)}`);
  }
  const count = problems.length;
  await output.note(
    `no plan: ${count === 1 ? "1 error" : `${count} errors`} in the state`,
  );
}
