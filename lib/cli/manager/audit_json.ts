import { encodeHex } from "@std/encoding/hex";
import type {
  AuditEntry,
  VerifyAuditResponse,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { isoTime } from "../time.ts";
import { text } from "./json_values.ts";

/** An entry of the audit as JSON. */
export function auditJson(entry: AuditEntry): Record<string, unknown> {
  return {
    id: String(entry.id),
    at: isoTime(entry.atMs),
    who: text(entry.who),
    credential: entry.credential,
    from: entry.from,
    act: entry.act,
    on: text(entry.on),
    operation: text(entry.operation),
    decision: entry.decision,
    rule: text(entry.rule),
    statement: entry.statement === undefined
      ? null
      : encodeHex(entry.statement),
    outcome: text(entry.outcome),
    note: text(entry.note),
    hash: encodeHex(entry.hash),
  };
}

/** The result of a check of the audit as JSON. */
export function verdictJson(
  { count, finding }: VerifyAuditResponse,
): Record<string, unknown> {
  return {
    entries: String(count),
    whole: finding === undefined,
    finding: finding === undefined ? null : {
      id: String(finding.id),
      kind: finding.kind,
      message: finding.message,
    },
  };
}
