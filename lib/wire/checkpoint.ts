import {
  type AuditCheckpoint,
  createAuditCheckpoint,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Checkpoint } from "../base/checkpoint.ts";

/** A checkpoint as it is sent. */
export function checkpointMessage(
  { count, hash, at, key, signature }: Checkpoint,
): AuditCheckpoint {
  return createAuditCheckpoint({
    count,
    hash,
    atMs: BigInt(at),
    managerKey: key,
    signature,
  });
}

/** A checkpoint as it came. Nothing of it is checked. */
export function checkpointOf(
  { count, hash, atMs, managerKey, signature }: AuditCheckpoint,
): Checkpoint {
  return { count, hash, at: Number(atMs), key: managerKey, signature };
}
