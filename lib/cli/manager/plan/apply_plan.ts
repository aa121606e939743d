import { PlanEntryState } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Plan } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { ExitCode, worst } from "../../exit_code.ts";
import { answered } from "../ids.ts";
import { jobOfApproval } from "../job/await_approval.ts";
import type { limitsOf } from "../job/limit_flags.ts";
import { unlessUnread } from "../lost_output.ts";
import { signatureOf } from "../signature.ts";
import { startFailure } from "../start_failure.ts";
import { agentsText } from "../target_flags.ts";
import { beginWaiting, type PlanContext } from "./begin_waiting.ts";
import { followPlan } from "./follow_plan.ts";
import { getPlan } from "./make_plan.ts";
import { planJson } from "./plan_json.ts";
import { appliedLines } from "./plan_text.ts";

/** Applies a plan that is made, follows its job, and tells what became of each agent. Returns the exit code. */
export async function applyPlan(
  asked: {
    readonly id: bigint;
    readonly limits: ReturnType<typeof limitsOf>;
    readonly note: string;
    readonly only: string[];
    readonly strict: boolean;
  },
  context: PlanContext,
): Promise<number> {
  const { connect, terminal, output } = context;
  const listLine = `piri-manager plan show p-${asked.id}`;
  using waiting = await beginWaiting(context, {
    listLine,
    asks: terminal.hasKeyboard && terminal.stderr.isTerminal,
  });
  const { client, patience, follow } = waiting;
  const request = {
    ...asked,
    acceptApproval: true,
    ...signatureOf(terminal),
  };
  const { job, approval } = await client.call(
    (control, { signal }) => control.plans.applyPlan(request, { signal }),
    {
      signal: patience.signal,
      failure: startFailure(listLine),
    },
  );
  const started = approval === undefined
    ? answered(job, `apply plan p-${asked.id}`)
    : await jobOfApproval(approval, { client, patience, output });
  await output.note(
    `applying p-${asked.id} on ${
      agentsText(started.counts?.total ?? 0)
    }, job j-${started.id}`,
  );
  const { exitCode } = await followPlan(started, follow);
  const plan = await getPlan(asked.id, connect);
  await unlessUnread(output.report(planJson(plan), appliedLines(plan)));
  const failed = plan.entries.find(({ state }) =>
    state === PlanEntryState.APPLY_FAILED
  );
  if (failed !== undefined) {
    await output.note(
      `piri-manager show j-${started.id}/${failed.agent} --output shows the steps there`,
    );
  }
  return worst([exitCode as ExitCode, ...refusals(plan)]);
}

/** A gate that refuses is a failed command, and a refusal to people. */
function refusals({ entries }: Plan): ExitCode[] {
  return entries.some(({ state }) => state === PlanEntryState.REFUSED)
    ? [ExitCode.refused]
    : [];
}
