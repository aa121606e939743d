import { encodeHex } from "@std/encoding/hex";
import type {
  AuditCheckpoint,
  AuditEntry,
  AuditFinding,
  AuditWord,
  VerifyAuditResponse,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
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

/** The result of a check of the audit as JSON, with the answers of agents if they were asked. */
export function verdictJson(
  { count, finding, findings, checkpoints, newest, stub }: VerifyAuditResponse,
  words?: readonly AuditWord[],
): Record<string, unknown> {
  return {
    entries: String(count),
    whole: findings.length === 0 && finding === undefined,
    finding: finding === undefined ? null : {
      id: String(finding.id),
      kind: finding.kind,
      message: finding.message,
    },
    findings: findings.map(findingJson),
    checkpoints,
    newestCheckpoint: newest === undefined ? null : checkpointJson(newest),
    stub: stub === undefined ? null : checkpointJson(stub),
    agents: words === undefined ? null : words.map(wordJson),
  };
}

function findingJson(
  { id, kind, message, agents, commandId }: AuditFinding,
): Record<string, unknown> {
  return {
    id: id === 0n ? null : String(id),
    kind,
    message,
    agents,
    command: commandId === undefined ? null : String(commandId),
  };
}

function checkpointJson(
  { count, hash, atMs, key, signature }: AuditCheckpoint,
): Record<string, unknown> {
  return {
    entries: String(count),
    hash: encodeHex(hash),
    at: isoTime(atMs),
    key: encodeHex(key),
    signature: encodeHex(signature),
  };
}

function wordJson(
  { agent, error, witnesses, unknown, commands, tooOld }: AuditWord,
): Record<string, unknown> {
  return {
    agent,
    error: text(error),
    checkpoints: witnesses,
    unknownKeys: unknown,
    commands,
    tooOld,
  };
}
