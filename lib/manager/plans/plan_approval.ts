import { PiriError } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import { planName } from "../../base/plan_name.ts";
import type { PlanVote } from "../../store/plan_records.ts";
import type { Store } from "../../store/store.ts";
import type { ApprovalView, Decider } from "../api/approval_api.ts";
import type { Approvals } from "../approvals/approvals.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { PlanView } from "../api/plan_api.ts";
import { requireOpen } from "./plan_work.ts";

/** Means of approving of plans. */
export interface PlanApprovalOptions {
  readonly store: Pick<Store, "changePlan">;
  readonly clock: Clock;
  readonly approvals: Pick<
    Approvals,
    "waitingFor" | "approve" | "requireDecider"
  >;
}

/** Decision on a plan. */
export interface PlanDecision extends Decider {
  readonly note: string;
  /** SHA-256 that the plan must have, in hex digits; any if empty. */
  readonly sha256: string;
}

/**
 * Approves of a plan: of what waits to apply it, or for whoever applies it later. Returns what has waited.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a plan that is another one, or was approved by the same
 * user; REFUSED for one that cannot be applied any more; DENIED
 */
export async function approvePlan(
  plan: PlanView,
  params: string,
  { decision, options }: {
    readonly decision: PlanDecision;
    readonly options: PlanApprovalOptions;
  },
): Promise<readonly ApprovalView[]> {
  const { store, clock, approvals } = options;
  const name = planName(plan.id);
  const refuse = (
    fact: string,
    code: "FAILED_PRECONDITION" | "REFUSED" = "FAILED_PRECONDITION",
  ) => new PiriError(code, `Cannot approve plan ${name}: ${fact}`);
  requireOpen("approve", plan, clock.now());
  if (plan.sha256 === "") throw refuse("not all hosts were looked at yet");
  if (decision.sha256 !== "" && decision.sha256 !== plan.sha256) {
    throw refuse(`its SHA-256 is ${plan.sha256}, not ${decision.sha256}`);
  }
  const left = plan.entries.filter(({ state }) => state === "planned")
    .map(({ agent }) => agent);
  if (left.length === 0) throw refuse("nothing is left to do", "REFUSED");
  const waiting = await approvals.waitingFor(name);
  if (waiting.length > 0) {
    const decided: ApprovalView[] = [];
    for (const { id } of waiting) {
      const hash = new Uint8Array();
      decided.push(await approvals.approve(id, { ...decision, hash }));
    }
    return decided;
  }
  const tokenId = approvals.requireDecider(
    `approve plan ${name}`,
    { request: { operation: "state.Apply", params }, agents: left },
    decision,
  );
  const by = decision.requestedBy;
  const isSame = (vote: PlanVote) =>
    tokenId === null ? vote.tokenId === null : vote.by === by;
  if (plan.votes.some(isSame)) throw refuse(`"${by}" has approved it already`);
  const { note } = decision;
  const vote = { by, tokenId, note, at: clock.now(), sha256: plan.sha256 };
  await store.changePlan(
    plan.id,
    { kind: "vote", votes: [...plan.votes, vote] },
    auditEntry(
      {
        act: "ApprovePlan",
        on: [name],
        operation: "state.Apply",
        statement: { plan: { name, sha256: plan.sha256 }, names: left },
      },
      decision,
      clock,
    ),
  );
  return [];
}
