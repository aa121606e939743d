import { approvalName } from "../../base/approval_name.ts";
import { PiriError } from "../../base/errors.ts";
import { MAX_SIGNATURES } from "../../base/signed_work.ts";
import type { ApprovalRecord } from "../../store/approval_records.ts";
import type { SignatureRecord, SignedRecord } from "../../store/job_records.ts";
import { isRightSignature } from "../signed_request.ts";

/**
 * Statement of a job that waits, with one signature more.
 *
 * @throws {PiriError} FAILED_PRECONDITION without a statement, for a key that has signed, and beyond the limit;
 * INVALID_ARGUMENT for a wrong signature
 */
export function withSignature(
  { id, signed }: Pick<ApprovalRecord, "id" | "signed">,
  { key, signature, requestedBy }:
    & Pick<SignatureRecord, "key" | "signature">
    & { readonly requestedBy: string },
  at: number,
): SignedRecord {
  const refuse = (why: string): never => {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot sign ${approvalName(id)}: ${why}`,
    );
  };
  if (signed === null) {
    return refuse(
      "it was not asked for with run --sign, so that there is nothing to sign; approve it instead",
    );
  }
  const { statement, signatures } = signed;
  if (!isRightSignature(statement, { key, signature })) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot sign ${
        approvalName(id)
      }: the signature is not of its statement by this key`,
    );
  }
  const before = signatures.find((each) => each.key === key);
  if (before !== undefined) {
    return refuse(`this key has signed it already, by "${before.by}"`);
  }
  if (signatures.length >= MAX_SIGNATURES) {
    return refuse(`it has ${MAX_SIGNATURES} signatures, which is the limit`);
  }
  return {
    ...signed,
    signatures: [...signatures, { key, signature, by: requestedBy, at }],
  };
}
