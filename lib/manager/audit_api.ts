import type {
  AuditFilter,
  AuditFinding,
  AuditRecord,
} from "../store/audit_records.ts";

/** Result of a check of the audit. */
export interface AuditVerdict {
  /** Number of entries that are whole, from the first one on. */
  readonly count: bigint;
  /** First mistake; undefined if the chain is whole. */
  readonly finding: AuditFinding | undefined;
}

/** Record of the acts that users asked for. */
export interface AuditAdmin {
  /** Lists entries, newest first. */
  list(
    filter: AuditFilter & {
      readonly limit: number;
      /** Only entries before this one. */
      readonly beforeId?: bigint | undefined;
    },
  ): Promise<AuditRecord[]>;
  /** Streams entries, oldest first; with `follow` also new ones until the signal is aborted. */
  export(options: {
    /** First entry to tell. */
    readonly fromId: bigint;
    readonly follow: boolean;
    readonly signal: AbortSignal;
  }): AsyncIterable<AuditRecord>;
  /** Checks the chain from its beginning to its end. */
  verify(signal: AbortSignal): Promise<AuditVerdict>;
}
