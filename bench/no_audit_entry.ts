import type { NewAudit } from "../lib/store/audit_records.ts";

/** Stands for every entry, so that nothing is spent on making one. */
const ENTRY: NewAudit = {
  at: 0,
  who: "",
  credential: "",
  origin: "",
  act: "",
  target: "",
  operation: "",
  decision: "allowed",
  rule: "",
  statement: null,
  outcome: "",
  note: "",
};

/** Makes no entry. */
export function auditEntry(): NewAudit {
  return ENTRY;
}

/** Makes no statement. */
export function workStatement(): Record<string, unknown> {
  return {};
}
