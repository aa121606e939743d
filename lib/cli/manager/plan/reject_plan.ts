import type { Approval } from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { approvalName } from "../../../base/approval_name.ts";
import { planIn, planName } from "../../../base/plan_name.ts";
import { HintedError } from "../../errors.ts";
import { answered } from "../ids.ts";
import type { Control } from "../services.ts";

/** Most approvals that wait and are looked at. */
const MAX_WAITING = 1_000;

/**
 * Rejects all that wait to apply a plan, and returns them.
 *
 * @throws {PiriError} FAILED_PRECONDITION if nothing waits; errors of the Manager
 */
export async function rejectPlan(
  id: bigint,
  { control, reason, requestedBy }: {
    readonly control: Pick<Control, "approvals">;
    readonly reason: string;
    readonly requestedBy: string;
  },
): Promise<Approval[]> {
  const name = planName(id);
  const { approvals } = await control.approvals.listApprovals({
    waiting: true,
    limit: MAX_WAITING,
  });
  const waiting = approvals.filter(({ operation, params }) =>
    operation === "state.Apply" && planIn(operation, params) === name
  );
  if (waiting.length === 0) {
    throw new HintedError(
      "FAILED_PRECONDITION",
      `Cannot reject plan ${name}: nothing waits to apply it`,
      `piri-manager plan withdraw ${name} lets no agent begin it any more`,
    );
  }
  const rejected: Approval[] = [];
  for (const { id } of waiting) {
    const { approval } = await control.approvals.reject({
      id,
      reason,
      requestedBy,
    });
    rejected.push(answered(approval, `reject ${approvalName(id)}`));
  }
  return rejected;
}
