import type { CommandRecord, NewCommand } from "./records.ts";

/** Fields that a command is not created with, as they are right after its creation: the defaults of the table's columns. */
export const FRESH_FIELDS: Omit<
  CommandRecord,
  keyof NewCommand | "id" | "job"
> = {
  presumed: false,
  reason: "",
  errorCode: "",
  startedAt: null,
  finishedAt: null,
  agentStartedAt: null,
  agentFinishedAt: null,
  exitCode: null,
  signal: null,
  changed: false,
  data: null,
  reapedSignalled: null,
  reapedAlive: [],
  stdoutHeld: 0n,
  stderrHeld: 0n,
  outputKept: 0n,
  truncated: false,
  cancelRequestedAt: null,
  cancelGraceMs: null,
  cancelRequestedBy: "",
  cancelSaidBy: "",
  givenUpAt: null,
  givenUpBy: "",
  givenUpSaidBy: "",
  progressCurrent: null,
  progressTotal: null,
  progressMessage: "",
  progressAt: null,
  stdoutSha256: null,
  stderrSha256: null,
  hashOfKept: false,
};
