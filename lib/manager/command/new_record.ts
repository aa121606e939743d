import type { CommandRecord, NewCommand } from "../../store/records.ts";
import { NOT_PRESUMED } from "./lifecycle.ts";

/**
 * Record of a command that was just made, as the database has it. Thousands are made at a time, and to copy them from the
 * thread of the database would take longer.
 */
export function newRecord(
  id: bigint,
  made: Required<NewCommand> & { readonly job: string },
): CommandRecord {
  return {
    ...made,
    id,
    // The database has whole milliseconds.
    createdAt: Math.trunc(made.createdAt),
    sentAt: made.sentAt === null ? null : Math.trunc(made.sentAt),
    ...NOT_PRESUMED,
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
  };
}
