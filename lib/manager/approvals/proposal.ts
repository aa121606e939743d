import { encodeHex } from "@std/encoding/hex";
import { LOCAL, SOCKET } from "../../base/asker.ts";
import { planIn } from "../../base/plan_name.ts";
import {
  canonicalHash,
  canonicalJson,
  type Statement,
  statementOf,
} from "../../base/statement.ts";
import type {
  ApprovalRecord,
  ApprovalRequest,
  NewApproval,
} from "../../store/approval_records.ts";
import type { ApprovableRequest } from "../api/approval_api.ts";
import type { JobRequest } from "../api/job_api.ts";
import type { StatedPlan } from "../plans/plan_work.ts";
import { signedRecord } from "../signed_request.ts";

/** Statement of a job on these agents. */
export function jobStatement(
  request: ApprovalRequest,
  names: readonly string[],
  { secrets, plan }: {
    readonly secrets: readonly string[];
    /** Plan that it applies; undefined for none. */
    readonly plan: StatedPlan | undefined;
  },
): Statement & Readonly<Record<string, unknown>> {
  const { operation, params, limits } = request;
  const { timeoutMs, onDisconnect, killAfterMs, survive } = request;
  return {
    ...statementOf({
      names,
      operation,
      params,
      secrets: [...new Set([...secrets, ...plan?.secrets ?? []])],
      limits: {
        ...limits,
        timeoutMs,
        onDisconnect,
        killAfterMs,
        // Only where it is asked for, so that the hash of all other work stays.
        ...survive ? { survive } : {},
      },
    }),
    ...plan === undefined
      ? {}
      : { plan: { name: plan.name, sha256: plan.sha256 } },
  };
}

/** Record of a job that is to wait. */
export function newApproval(
  request: ApprovableRequest,
  statement: Statement,
  made: Pick<NewApproval, "needed" | "createdAt" | "expiresAt">,
): NewApproval {
  return {
    requestId: request.requestId,
    statement: canonicalJson(statement),
    hash: canonicalHash(statement),
    agents: statement.names,
    request: {
      targets: request.targets,
      operation: request.operation,
      params: request.params,
      timeoutMs: request.timeoutMs,
      onDisconnect: request.onDisconnect,
      killAfterMs: request.killAfterMs,
      survive: request.survive,
      limits: request.limits,
      name: request.name,
      note: request.note,
    },
    signed: signedRecord(request, made.createdAt),
    requestedBy: request.requestedBy,
    saidBy: request.saidBy,
    credential: request.credential ?? SOCKET,
    origin: request.origin ?? LOCAL,
    tokenId: request.rights?.tokenId ?? null,
    ...made,
  };
}

/** Request for the job that has waited, by who asked for it. */
export function requestOf(
  record: ApprovalRecord,
  more: Pick<JobRequest, "rights" | "secrets">,
): JobRequest {
  const { request, requestId, requestedBy, saidBy, signed } = record;
  const { credential, origin } = record;
  const plan = planIn(request.operation, request.params);
  return {
    ...request,
    ...plan === undefined
      ? {}
      : { act: { name: "ApplyPlan", on: [plan], statement: {} } },
    ...signed === null ? {} : { signed },
    requestId,
    requestedBy,
    saidBy,
    credential,
    origin,
    ...more,
  };
}

/** SHA-256 for people. */
export function hashText(hash: Uint8Array): string {
  return encodeHex(hash);
}
