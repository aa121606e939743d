import type { Checkpoint } from "../base/checkpoint.ts";
import type {
  AuditCheck,
  AuditMark,
  AuditPage,
  AuditRange,
  AuditState,
  CheckpointRecord,
  CommandsCompared,
  NewAudit,
  RememberedCommand,
} from "./audit_records.ts";

/** Part of the Store that has the audit. */
export interface AuditStore {
  /** Adds an entry to the audit that goes with no other write. */
  recordAudit(audit: NewAudit): Promise<void>;
  /** Reads the audit on in one direction. The page may be empty although more is to come. */
  auditPage(range: AuditRange): Promise<AuditPage>;
  /**
   * Checks the part of the audit that follows a mark, or its beginning, which is the stub if there is one: so much that
   * others wait for it less than 50 ms.
   */
  checkAudit(after?: AuditMark): Promise<AuditCheck>;
  /** The ends of the audit, and what is signed of it. */
  auditState(): Promise<AuditState>;
  /** Hashes of entries, in the order of their ids; null for an entry that is not there. */
  auditHashes(ids: readonly bigint[]): Promise<(Uint8Array | null)[]>;
  /** Id of the last entry before the first one that is not older than a time. */
  lastAuditBefore(at: number): Promise<bigint>;
  addCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Checkpoints after one of them, oldest first: at most a thousand. */
  checkpoints(afterId: bigint): Promise<CheckpointRecord[]>;
  /** Deletes all entries that a stub stands for, which takes the place of the one before. */
  pruneAudit(stub: Checkpoint, audit: NewAudit): Promise<void>;
  /** Compares commands that an agent remembers with the record, by their nonces: the agent may have had another name. */
  compareCommands(
    remembered: readonly RememberedCommand[],
  ): Promise<CommandsCompared>;
}
