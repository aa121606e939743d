import type { Asker } from "../../base/asker.ts";
import type { Checkpoint } from "../../base/checkpoint.ts";
import type {
  AuditFilter,
  AuditFinding,
  AuditRecord,
} from "../../store/audit_records.ts";
import type { Rights } from "./access_api.ts";
import type { TargetSelection } from "./target_api.ts";

/** Mistake in the audit, or in what is signed of it. */
export interface AuditProblem {
  /** First entry that it is about; 0 if it is about none. */
  readonly id: bigint;
  /**
   * `rebuilt`: the chain is whole, and not the one that was signed. `unsigned`: a checkpoint or the stub is not signed by
   * the Manager. `denied`: an agent took a command that the record does not have.
   */
  readonly kind: AuditFinding["kind"] | "rebuilt" | "unsigned" | "denied";
  /** Text for people. */
  readonly message: string;
  /** Agents whose word it is, at most some; none if the Manager's own records show it. */
  readonly agents: readonly string[];
  /** Command that it is about. */
  readonly commandId?: bigint | undefined;
}

/** Answer of an agent that was asked about the audit. */
export interface AgentWord {
  /** Name of the agent. */
  readonly agent: string;
  /** Reason why it gave no answer that counts; empty if it did. */
  readonly error: string;
  /** Number of checkpoints that it keeps and that could be compared. */
  readonly witnesses: number;
  /** Number of its checkpoints by keys that the Manager does not know. */
  readonly unknown: number;
  /** Number of commands that were compared. */
  readonly commands: number;
  /** Number of commands from before the history that is kept. */
  readonly tooOld: number;
}

/** Result of a check of the audit. */
export interface AuditVerdict {
  /** Number of entries that are whole, from the first one on; those that were pruned count. */
  readonly count: bigint;
  /** First mistake of the chain; undefined if the chain is whole. */
  readonly finding: AuditFinding | undefined;
  /** All mistakes, that of the chain among them. */
  readonly problems: readonly AuditProblem[];
  /** Number of checkpoints of the Manager. */
  readonly checkpoints: number;
  /** Newest of them. */
  readonly newest: Checkpoint | undefined;
  /** Stands for the entries that were pruned. */
  readonly stub: Checkpoint | undefined;
  /** Agents that were asked. */
  readonly agents: readonly AgentWord[];
}

/** Request to ask agents about the audit. */
export interface AskAgents extends Asker {
  /** Agents to ask. */
  readonly targets: TargetSelection;
  /** Rights of the asker on agents; all if absent. */
  readonly rights?: Rights;
}

/** Part of the audit to delete: all that is older than a time, or all but the newest entries. */
export type AuditCut = { readonly before: number } | { readonly keep: bigint };

/** Result of pruning the audit. */
export interface PrunedAudit {
  /** Number of entries that were deleted. */
  readonly deleted: bigint;
  /** Last entry that is deleted, now or before; 0 for none. */
  readonly upTo: bigint;
  /** Last entry that was to be deleted. It is higher if no checkpoint covers that much. */
  readonly asked: bigint;
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
  /**
   * Checks the chain from its beginning to its end, and all that is signed of it; with `ask` also by the word of agents.
   *
   * @throws {PiriError} as the start of a job, if agents are asked
   */
  verify(signal: AbortSignal, ask?: AskAgents): Promise<AuditVerdict>;
  /**
   * Deletes the oldest entries, and leaves a stub that is signed. What no checkpoint covers stays.
   *
   * @throws {PiriError} FAILED_PRECONDITION for a Manager without a key, or if the audit is not what was signed
   */
  prune(cut: AuditCut, asker: Asker): Promise<PrunedAudit>;
}
