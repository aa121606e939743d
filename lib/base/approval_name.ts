/** Name of a job that waits for approvals, for people. */
export function approvalName(id: bigint): string {
  return `a-${id}`;
}

/** Number of approvals for people. */
export function approvalsText(count: number): string {
  return count === 1 ? "1 approval" : `${count} approvals`;
}
