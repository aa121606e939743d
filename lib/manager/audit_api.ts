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

/** Refusal of something that somebody asked for. */
export interface Denial {
  /** Name of the operator; empty for a stranger. */
  readonly who: string;
  /** Evidence that came with it, such as "token 5", "unknown token" or "none". */
  readonly credential: string;
  /** Address that it came from. */
  readonly origin: string;
  /** Name of the call in the control API; "Send" for work that has waited. */
  readonly act: string;
  /** Names of the agents that it was about. */
  readonly on: readonly string[];
  /** Operation of the agents; empty for none. */
  readonly operation: string;
  /** Name of the rule that denied it; empty if none did. */
  readonly rule: string;
  /** Text for people. */
  readonly reason: string;
}

/** Record of the acts that users asked for. */
export interface AuditAdmin {
  /** Notes that something was denied. Many alike of a minute become one entry with a count. */
  denied(denial: Denial): void;
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
