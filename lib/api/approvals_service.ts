import { create } from "@bufbuild/protobuf";
import { encodeBase64 } from "@std/encoding/base64";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  type Approval,
  ApprovalSchema,
  ApprovalsService,
  ApprovalState,
  WatchApprovalResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { ApprovalView, Decider } from "../manager/api/approval_api.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { identityIn, sightIn } from "./caller.ts";
import {
  limitText,
  requireId,
  requireRange,
  requireText,
  saidIn,
} from "./checks.ts";
import type { Proofs } from "./proofs.ts";
import { signedField } from "./signed_message.ts";
import { milliseconds, timestamp } from "./values.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

const states: Readonly<Record<ApprovalView["state"], ApprovalState>> = {
  waiting: ApprovalState.WAITING,
  started: ApprovalState.STARTED,
  rejected: ApprovalState.REJECTED,
  withdrawn: ApprovalState.WITHDRAWN,
  expired: ApprovalState.EXPIRED,
  refused: ApprovalState.REFUSED,
};

/** Serves the ApprovalsService. */
export function addApprovalsService(
  router: ConnectRouter,
  { approvals }: Manager,
  proofs: Proofs,
): void {
  const decider = async (
    context: HandlerContext,
    request: { readonly requestedBy: string },
  ): Promise<Decider> => ({
    ...await proofs.asker(context, saidIn(request)),
    identity: identityIn(context.values),
  });
  router.service(ApprovalsService, {
    async listApprovals(
      { limit = DEFAULT_LIMIT, beforeId, waiting, jobId },
      { values },
    ) {
      const list = await approvals.list({
        limit: requireRange("limit", limit, { least: 1, most: MAX_LIMIT }),
        waiting,
        beforeId: optionalId("before_id", beforeId),
        jobId: optionalId("job_id", jobId),
      }, sightIn(values));
      return { approvals: list.map(approvalMessage) };
    },
    async getApproval({ id }, { values }) {
      const approval = await approvals.get(
        requireId("id", id),
        sightIn(values),
      );
      return { approval: approvalMessage(approval) };
    },
    async *watchApproval({ id }, { signal, values }) {
      const options = { signal, sight: sightIn(values) };
      const news = approvals.watch(requireId("id", id), options);
      for await (const each of news) {
        const approval = approvalMessage(each);
        yield create(WatchApprovalResponseSchema, { approval });
      }
    },
    async approve(request, context) {
      const id = requireId("id", request.id);
      const approval = await approvals.approve(id, {
        ...await decider(context, request),
        note: limitText("note", request.note),
        hash: request.statementSha256,
      });
      return { approval: approvalMessage(approval) };
    },
    async sign(request, context) {
      const id = requireId("id", request.id);
      const approval = await approvals.sign(id, {
        ...await decider(context, request),
        key: requireText("key", request.key),
        signature: encodeBase64(request.signature),
      });
      return { approval: approvalMessage(approval) };
    },
    async reject(request, context) {
      const id = requireId("id", request.id);
      const reason = requireText("reason", request.reason);
      const by = await decider(context, request);
      const approval = await approvals.reject(id, { ...by, reason });
      return { approval: approvalMessage(approval) };
    },
    async withdraw(request, context) {
      const id = requireId("id", request.id);
      const by = await decider(context, request);
      return { approval: approvalMessage(await approvals.withdraw(id, by)) };
    },
  });
}

/** A job that waits for approvals as a message of the API. */
export function approvalMessage(view: ApprovalView): Approval {
  const { request, votes } = view;
  return create(ApprovalSchema, {
    id: view.id,
    state: states[view.state],
    reason: view.reason,
    needed: view.needed,
    approvals: votes.map(({ by, note, at }) => ({
      by,
      note,
      atMs: milliseconds(at),
    })),
    statement: view.statement,
    statementSha256: view.hash,
    operation: request.operation,
    params: request.params,
    agents: [...view.agents],
    name: request.name,
    note: request.note,
    requestedBy: view.requestedBy,
    saidBy: view.saidBy,
    createdAtMs: milliseconds(view.createdAt),
    expiresAtMs: milliseconds(view.expiresAt),
    ...timestamp("endedAtMs", view.endedAt),
    endedBy: view.endedBy,
    ...view.jobId === null ? {} : { jobId: view.jobId },
    ...signedField(view.signed),
  });
}

function optionalId(
  field: string,
  id: bigint | undefined,
): bigint | undefined {
  return id === undefined ? undefined : requireId(field, id);
}
