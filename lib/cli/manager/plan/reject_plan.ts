import type { Approval } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { approvalName } from "../../../base/approval_name.ts";
import { planIn, planName } from "../../../base/plan_name.ts";
import { HintedError } from "../../errors.ts";
import { answered } from "../ids.ts";
import type { Control } from "../services.ts";

/** Most approvals that wait and are looked at. */
const MAX_WAITING = 1_000;

/** Means to reject, and what is said with it. */
export interface Rejection {
  readonly control: Pick<Control, "approvals">;
  readonly reason: string;
  readonly requestedBy: string;
}

/** Rejects one that waits, and returns it. */
export async function rejectApproval(
  id: bigint,
  { control, reason, requestedBy }: Rejection,
): Promise<Approval> {
  const asked = { id, reason, requestedBy };
  const { approval } = await control.approvals.reject(asked);
  return answered(approval, `reject ${approvalName(id)}`);
}

/**
 * Rejects all that wait to apply a plan, and returns them.
 *
 * @throws {PiriError} FAILED_PRECONDITION if nothing waits; errors of the Manager
 */
export async function rejectPlan(
  id: bigint,
  rejection: Rejection,
): Promise<Approval[]> {
  const name = planName(id);
  const { approvals } = await rejection.control.approvals.listApprovals({
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
    rejected.push(await rejectApproval(id, rejection));
  }
  return rejected;
}
