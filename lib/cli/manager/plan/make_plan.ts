import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Job,
  MakePlanRequestSchema,
  Plan,
  PlanProblem,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { HintedError } from "../../errors.ts";
import { ExitCode } from "../../exit_code.ts";
import type { Output } from "../../output.ts";
import type { Terminal } from "../../terminal.ts";
import { answered } from "../ids.ts";
import { Patience } from "../patience.ts";
import { RetryingClient } from "../retrying_client.ts";
import type { Control } from "../services.ts";
import { tellLeftOut, withTargetHint } from "../target_flags.ts";
import { followPlan } from "./follow_plan.ts";
import { planProblemJson } from "./plan_json.ts";

/** Connection and output of a subcommand for plans. */
export interface PlanContext {
  readonly connect: () => Promise<Control>;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly output: Output;
}

/** A plan that was made, with the exit code of its job; without a plan, that of errors that were shown. */
export interface PlanMade {
  readonly plan?: Plan;
  readonly exitCode: number;
}

/** Makes a plan and waits until all hosts were looked at. Errors of the state are shown. */
export async function makePlan(
  request: MessageInitShape<typeof MakePlanRequestSchema>,
  context: PlanContext,
): Promise<PlanMade> {
  const { connect, terminal, output, json } = context;
  // A Manager that is not there at all is told at once; only for one that goes away is it worth to wait.
  (await connect())[Symbol.dispose]();
  const client = new RetryingClient(connect, terminal);
  let note = (text: string): void => void output.note(text);
  using patience = new Patience(terminal, {
    detach: false,
    listLine: "piri-manager plan list",
    note: (text) => note(text),
  });
  const made = await withTargetHint(
    client.call(
      (control, { signal }) => control.plans.makePlan(request, { signal }),
      {
        signal: patience.signal,
        failure: (fact) =>
          new HintedError(
            "UNAVAILABLE",
            `Cannot tell whether a plan was made: ${fact}`,
            "piri-manager plan list",
          ),
      },
    ),
  );
  if (made.problems.length > 0) {
    await tellProblems(made.problems, context);
    return { exitCode: ExitCode.failed };
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
  const exitCode = jobId === undefined
    ? ExitCode.ok
    : await followPlan(await jobOf(jobId, connect), {
      client,
      terminal,
      patience,
      shows: !json,
      onNote: (show) => note = show,
    });
  return { plan: await getPlan(id, connect), exitCode };
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
