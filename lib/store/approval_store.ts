import type {
  ApprovalChange,
  ApprovalFilter,
  ApprovalRecord,
  NewApproval,
} from "./approval_records.ts";
import type { NewAudit } from "./audit_records.ts";

/** Requests to the store about jobs that wait for approvals. */
export interface ApprovalStore {
  /** A job that waits for approvals, or what has become of it. */
  approval(id: bigint): Promise<ApprovalRecord | undefined>;
  /** Approvals, newest first. */
  approvals(filter: ApprovalFilter): Promise<ApprovalRecord[]>;
  /** Records a job that waits. If its request id was used before, returns what is there, with `repeated`. */
  addApproval(
    approval: NewApproval,
    audit?: NewAudit,
  ): Promise<{ record: ApprovalRecord; repeated: boolean }>;
  /**
   * Changes an approval that waits.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION for one that has ended
   */
  changeApproval(
    id: bigint,
    change: ApprovalChange,
    audit?: NewAudit,
  ): Promise<ApprovalRecord>;
}
