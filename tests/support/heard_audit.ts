import type { AuditLine } from "../../lib/agent/audit/audit_line.ts";
import type { Audit } from "../../lib/agent/audit/audit_log.ts";

/** Record that keeps nothing. */
export const NO_AUDIT: Audit = { add: () => Promise.resolve() };

/** Record in memory. */
export class HeardAudit implements Audit {
  readonly lines: AuditLine[] = [];

  add(line: AuditLine): Promise<void> {
    this.lines.push(line);
    return Promise.resolve();
  }
}
