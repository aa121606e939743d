import { encodeHex } from "@std/encoding/hex";
import { ApprovalState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Approval,
  SignedWork,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { askerText } from "../../base/asker.ts";
import { approvalName, approvalsText } from "../../base/approval_name.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { durationText, localTime } from "../time.ts";
import { signedJson, time } from "./json_values.ts";
import { exactRequestText, requestText } from "./request_text.ts";
import { parseIdOf } from "./typed_id.ts";

const STATES: Readonly<Record<ApprovalState, string>> = {
  [ApprovalState.UNSPECIFIED]: "unknown",
  [ApprovalState.WAITING]: "waiting",
  [ApprovalState.STARTED]: "started",
  [ApprovalState.REJECTED]: "rejected",
  [ApprovalState.WITHDRAWN]: "withdrawn",
  [ApprovalState.EXPIRED]: "expired",
  [ApprovalState.REFUSED]: "refused",
};

/** State of an approval for people and in JSON. */
export function approvalStateName({ state }: Approval): string {
  return STATES[state] ?? "unknown";
}

/**
 * Reads the id of an approval: a-7 or 7.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseApprovalId(text: string): bigint {
  return parseIdOf(
    "approval",
    text,
    ({ kind }) =>
      kind === "plan"
        ? `piri-manager plan approve ${text}, piri-manager plan reject ${text} REASON, or piri-manager approval list`
        : undefined,
  );
}

/** An approval as JSON. */
export function approvalJson(approval: Approval): Record<string, unknown> {
  return {
    type: "approval",
    id: approvalName(approval.id),
    state: approvalStateName(approval),
    reason: approval.reason,
    needed: approval.needed,
    approvals: approval.approvals.map(({ by, note, atMs }) => ({
      by,
      note,
      at: time(atMs),
    })),
    operation: approval.operation,
    params: JSON.parse(approval.params),
    agents: approval.agents,
    statement: JSON.parse(approval.statement),
    statementSha256: encodeHex(approval.statementSha256),
    name: approval.name,
    note: approval.note,
    requestedBy: approval.requestedBy,
    saidBy: approval.saidBy,
    createdAt: time(approval.createdAtMs),
    expiresAt: time(approval.expiresAtMs),
    endedAt: time(approval.endedAtMs),
    endedBy: approval.endedBy,
    jobId: approval.jobId === undefined ? null : Number(approval.jobId),
    signed: signedJson(approval.signed),
  };
}

/** Work that is to be done, and on which agents. */
export function workText(approval: Approval): string {
  return `${requestText(approval)} on ${foldNames(approval.agents)}`;
}

/** Approvals that there are, of those that are needed. */
export function votesText({ approvals, needed }: Approval): string {
  if (needed === 0 && approvals.length === 0) return "not needed";
  const by = approvals.map(({ by }) => by).join(", ");
  const count = `${approvals.length} of ${needed}`;
  return by === "" ? count : `${count}, by ${by}`;
}

/** Signatures that there are, of those that are needed. */
export function signaturesText({ signatures, needed }: SignedWork): string {
  return `${signatures.length} of ${needed} signatures`;
}

/** Count of the approvals, and of the signatures if it waits for some. */
export function waitText(approval: Approval): string {
  const { signed } = approval;
  return missingSignatures(approval) === 0 || signed === undefined
    ? votesText(approval)
    : `${votesText(approval)}; it waits for ${signaturesText(signed)}`;
}

/** Signatures that a job waits for, a count. */
export function missingSignatures({ signed }: Approval): number {
  return signed === undefined
    ? 0
    : Math.max(0, signed.needed - signed.signatures.length);
}

/** An approval as a page of facts. */
export function approvalFacts(
  approval: Approval,
  now: number,
): Record<string, string> {
  const { limits, secrets } = JSON.parse(approval.statement) as {
    limits: Record<string, unknown>;
    secrets: string[];
  };
  const left = Number(approval.expiresAtMs) - now;
  const waits = approval.state === ApprovalState.WAITING;
  return {
    approval: approvalName(approval.id),
    state: approvalStateName(approval),
    reason: approval.reason,
    runs: exactRequestText(approval),
    on: foldNames(approval.agents),
    agents: String(approval.agents.length),
    limits: JSON.stringify(limits),
    secrets: secrets.join(", "),
    name: approval.name,
    note: approval.note,
    "requested by": askerText(approval),
    approved: votesText(approval),
    signed: approval.signed === undefined
      ? ""
      : `${signaturesText(approval.signed)}, from ${
        approval.signed.signatures.map(({ by }) => by).join(", ")
      }`,
    ...Object.fromEntries(
      approval.approvals.filter(({ note }) => note !== "")
        .map(({ by, note }) => [`note of ${by}`, note]),
    ),
    created: localTime(Number(approval.createdAtMs)),
    ...waits
      ? { "time left": durationText(Math.max(left, 0)) }
      : { ended: localTime(Number(approval.endedAtMs ?? 0)) },
    job: approval.jobId === undefined ? "" : `j-${approval.jobId}`,
    statement: approval.statement,
    sha256: encodeHex(approval.statementSha256),
  };
}

/** Line about a job that was approved. */
export function approvedLine(approval: Approval): string {
  const { id, state, reason, jobId } = approval;
  const become = state === ApprovalState.WAITING
    ? waitText(approval)
    : jobId === undefined
    ? `it is ${approvalStateName(approval)}: ${reason}`
    : `it has become job j-${jobId}`;
  return `approved ${approvalName(id)}: ${become}`;
}

/** Line about a job that waits. */
export function waitingLine(approval: Approval): string {
  const { needed, approvals } = approval;
  const name = approvalName(approval.id);
  const left = Math.max(0, needed - approvals.length);
  const missing = missingSignatures(approval);
  const more = approvals.length === 0 ? "" : "more ";
  const count = approvalsText(left).replace(" ", ` ${more}`);
  const waits = [
    ...left === 0 ? [] : [
      `${count} by somebody else (piri-manager approve ${name}, or piri-manager reject ${name} REASON)`,
    ],
    ...missing === 0 ? [] : [
      `${missing} more ${
        missing === 1 ? "signature" : "signatures"
      } (piri-manager sign ${name} --show, then piri-manager sign ${name})`,
    ],
  ];
  return `Waiting for approval ${name}: ${workText(approval)} needs ${
    waits.join(" and ")
  }`;
}
