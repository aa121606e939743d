import { FRESH_FIELDS } from "./fresh_command.ts";
import type { CommandRecord, NewCommand } from "./records.ts";
import {
  big,
  blob,
  flag,
  int,
  json,
  nullable,
  Shape,
  text,
  unsigned,
  word,
} from "./shape.ts";

/** Columns of a command. */
export const commandShape = new Shape<CommandRecord>({
  id: big,
  agent: text,
  operation: text,
  params: text,
  nonce: unsigned,
  job: text,
  requestedBy: text,
  saidBy: text,
  timeoutMs: nullable(int),
  onDisconnect: word(),
  killAfterMs: nullable(int),
  state: word(),
  presumed: flag,
  reason: text,
  errorCode: text,
  instance: nullable(text),
  session: nullable(unsigned),
  createdAt: int,
  sentAt: nullable(int),
  startedAt: nullable(int),
  finishedAt: nullable(int),
  agentStartedAt: nullable(int),
  agentFinishedAt: nullable(int),
  exitCode: nullable(int),
  signal: nullable(text),
  changed: flag,
  data: nullable(text),
  reapedSignalled: nullable(int),
  reapedAlive: json(),
  stdoutHeld: big,
  stderrHeld: big,
  outputKept: big,
  truncated: flag,
  cancelRequestedAt: nullable(int),
  cancelGraceMs: nullable(int),
  cancelRequestedBy: text,
  cancelSaidBy: text,
  givenUpAt: nullable(int),
  givenUpBy: text,
  givenUpSaidBy: text,
  progressCurrent: nullable(int),
  progressTotal: nullable(int),
  progressMessage: text,
  progressAt: nullable(int),
  rerunOf: nullable(big),
  stdoutSha256: nullable(blob),
  stderrSha256: nullable(blob),
  hashOfKept: flag,
  masked: int,
});

/** Fields that a command is created with; all others are set later. */
export const NEW_FIELDS = [
  "agent",
  "operation",
  "params",
  "nonce",
  "job",
  "requestedBy",
  "saidBy",
  "timeoutMs",
  "onDisconnect",
  "killAfterMs",
  "state",
  "instance",
  "session",
  "createdAt",
  "sentAt",
  "rerunOf",
] as const satisfies (keyof CommandRecord)[];

/** Command as it is in the database right after its creation, with the defaults of the table's columns. */
export function freshCommand(
  id: bigint,
  command: Required<NewCommand> & { job: string },
): CommandRecord {
  return {
    id,
    ...commandShape.kept(command, NEW_FIELDS),
    ...FRESH_FIELDS,
  };
}
