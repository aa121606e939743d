import type { JobRecord } from "./job_records.ts";
import { big, int, json, nullable, Shape, text, word } from "./shape.ts";

/** Columns of a job. */
export const jobShape = new Shape<JobRecord>({
  id: big,
  requestId: text,
  state: word(),
  endsAs: nullable(word()),
  reason: text,
  targets: json(),
  operation: text,
  params: text,
  timeoutMs: nullable(int),
  onDisconnect: word(),
  killAfterMs: nullable(int),
  limits: json(),
  name: text,
  note: text,
  requestedBy: text,
  saidBy: text,
  createdAt: int,
  finishedAt: nullable(int),
  rerunOf: nullable(big),
  cancelRequestedAt: nullable(int),
  cancelRequestedBy: text,
  cancelSaidBy: text,
  cancelGraceMs: nullable(int),
  total: int,
  canaries: int,
  counts: json(),
});

/** Fields that a job is made with. */
export const NEW_JOB_FIELDS = [
  "requestId",
  "state",
  "targets",
  "operation",
  "params",
  "timeoutMs",
  "onDisconnect",
  "killAfterMs",
  "limits",
  "name",
  "note",
  "requestedBy",
  "saidBy",
  "createdAt",
  "rerunOf",
  "total",
  "canaries",
  "counts",
] as const satisfies (keyof JobRecord)[];
