import type { BlobName } from "../base/blob.ts";
import type { CommandStateName } from "../base/command_state.ts";
import type { EventCursor } from "../base/event_cursor.ts";
import type { EventFilter } from "../base/event_filter.ts";

/** A stream of a program. */
export type StreamName = "stdout" | "stderr";

/** Agent that may connect. Times are milliseconds since 1970. */
export interface AgentRecord {
  readonly id: string;
  readonly groups: readonly string[];
  readonly cidrs: readonly string[];
  readonly addedAt: number;
  /** SHA-256 of its secret; null until it has joined. */
  readonly secretHash: Uint8Array | null;
  /** Key that it has proven, 32 bytes of Ed25519; null before. It is not admitted by its secret then. */
  readonly publicKey: Uint8Array | null;
  /** Key that is to replace it: both are good until the first hello with this one; null for none. */
  readonly nextKey: Uint8Array | null;
  /** SHA-256 of the keys of authorities and Managers that it trusts, in hex digits; null if it has not told. */
  readonly trust: readonly string[] | null;
  /** SHA-256 of the token that it may join with. */
  readonly tokenHash: Uint8Array | null;
  readonly tokenExpiresAt: number | null;
  /** SHA-256 of the secret that the token was used with; null while the token is unused. */
  readonly tokenUsedWith: Uint8Array | null;
  /** Instance and session of its latest hello; null and 0 if it never connected or is a legacy agent. */
  readonly instance: string | null;
  readonly session: bigint;
  readonly lastCommandId: bigint;
  /** Version of the protocol: 0 if it never connected, 1 for a legacy agent. */
  readonly protocol: number;
  readonly version: string;
  readonly facts: Readonly<Record<string, string>>;
  /** Facts that operators set: they win over those of its hello. */
  readonly setFacts: Readonly<Record<string, string>>;
  /** True for a host that is gone for good. */
  readonly retired: boolean;
  /** Time at which it was revoked: neither its key nor its name lets anyone in; null if it is not. */
  readonly revokedAt: number | null;
  readonly address: string;
  readonly connectedAt: number | null;
  readonly disconnectedAt: number | null;
}

/** Key of an agent that has shown its secret together with it. */
export interface NewKey {
  readonly publicKey: Uint8Array;
  readonly secretHash: Uint8Array;
}

/** Keys that an agent has told with the result of a command. */
export interface ToldKeys {
  /** Key that is to replace its own. */
  readonly nextKey?: Uint8Array;
  /** SHA-256 of the keys of others that it trusts from now on, in hex digits. */
  readonly trust?: readonly string[];
}

/** Changes of what operators set of agents. */
export interface AgentChange {
  /** Groups to put them into. */
  readonly addGroups: readonly string[];
  /** Groups to take them out of. */
  readonly removeGroups: readonly string[];
  /** Facts to set, which win over those that they tell. */
  readonly setFacts: Readonly<Record<string, string>>;
  /** Names of facts that were set, to remove. */
  readonly removeFacts: readonly string[];
  /** True for hosts that are gone for good; undefined to leave it as it is. */
  readonly retired?: boolean | undefined;
}

/** Command with all its facts. Times are milliseconds since 1970, by the Manager's clock unless said otherwise. */
export interface CommandRecord {
  /** Id of the command. */
  readonly id: bigint;
  /** Name of the agent. */
  readonly agent: string;
  /** Name of the operation. */
  readonly operation: string;
  /** Parameters: a JSON object. */
  readonly params: string;
  /** Random number of the command, unsigned 64 bits. */
  readonly nonce: bigint;
  /** Id of the request that it was made for. */
  readonly job: string;
  /** User who asked for it, by evidence; "local" without any. */
  readonly requestedBy: string;
  /** Name that the client of `requestedBy` gave itself; empty for none. */
  readonly saidBy: string;
  /** Limit on its run time in milliseconds; null for none. */
  readonly timeoutMs: number | null;
  /** Fate of the command while its agent is away. */
  readonly onDisconnect: "continue" | "kill";
  /** Time without a connection after which it is ended, in milliseconds. */
  readonly killAfterMs: number | null;
  /** True if its program outlives the agent. */
  readonly survive: boolean;
  /** State of the command. */
  readonly state: CommandStateName;
  /** True if the state is a guess, which a result or a hello can replace. */
  readonly presumed: boolean;
  /** Reason of a state, for people. */
  readonly reason: string;
  /** Code of a failure or refusal; empty for none. */
  readonly errorCode: string;
  /** Instance of the agent that it was sent to; null until then. */
  readonly instance: string | null;
  /** Session of the agent that it was sent to; null until then. */
  readonly session: bigint | null;
  /** Time of its creation. */
  readonly createdAt: number;
  /** Time at which it was sent. */
  readonly sentAt: number | null;
  /** Time at which the Manager learned that it runs. */
  readonly startedAt: number | null;
  /** Time of the end. Set with every state that is an end: retention finds old commands by it. */
  readonly finishedAt: number | null;
  /** Start by the agent's clock, for people only. */
  readonly agentStartedAt: number | null;
  /** End by the agent's clock, for people only. */
  readonly agentFinishedAt: number | null;
  /** Exit code of the program. */
  readonly exitCode: number | null;
  /** Signal that ended the program, such as "SIGTERM". */
  readonly signal: string | null;
  /** True if the operation changed something on the host. */
  readonly changed: boolean;
  /** Result of the operation: JSON, or null. */
  readonly data: string | null;
  /** Number of processes that a cancel or timeout signalled. */
  readonly reapedSignalled: number | null;
  /** Ids of processes that outlived it. */
  readonly reapedAlive: readonly number[];
  /** Bytes of stdout that are kept, counted beyond the limit, or cut. */
  readonly stdoutHeld: bigint;
  /** Bytes of stderr that are kept, counted beyond the limit, or cut. */
  readonly stderrHeld: bigint;
  /** Bytes stored of both streams. */
  readonly outputKept: bigint;
  /** True if output was not kept. */
  readonly truncated: boolean;
  /** Time of the first cancel; null for none. */
  readonly cancelRequestedAt: number | null;
  /** Time between SIGTERM and SIGKILL, in milliseconds. */
  readonly cancelGraceMs: number | null;
  /** User who asked for the cancel first, as `requestedBy`; empty if nobody did. */
  readonly cancelRequestedBy: string;
  /** Name that the client of `cancelRequestedBy` gave itself; empty for none. */
  readonly cancelSaidBy: string;
  /** Time at which an operator gave it up; null if nobody did. */
  readonly givenUpAt: number | null;
  /** User who gave it up, as `requestedBy`. */
  readonly givenUpBy: string;
  /** Name that the client of `givenUpBy` gave itself; empty for none. */
  readonly givenUpSaidBy: string;
  /** Progress so far. */
  readonly progressCurrent: number | null;
  /** Progress at the end. */
  readonly progressTotal: number | null;
  /** Progress as a text. */
  readonly progressMessage: string;
  /** Time of the newest progress that tells more than that it runs; null for none. */
  readonly progressAt: number | null;
  /** Id of the command that this one repeats. */
  readonly rerunOf: bigint | null;
  /** SHA-256 of stdout; null while it is not known. */
  readonly stdoutSha256: Uint8Array | null;
  /** SHA-256 of stderr; null while it is not known. */
  readonly stderrSha256: Uint8Array | null;
  /** True if a hash is only of the kept output, and some of the output is missing or may be. */
  readonly hashOfKept: boolean;
  /** Number of places where the agent masked a secret. */
  readonly masked: number;
}

/** Fields that a command is created with. */
export type NewCommand =
  & Pick<
    CommandRecord,
    | "agent"
    | "operation"
    | "params"
    | "nonce"
    | "requestedBy"
    | "timeoutMs"
    | "onDisconnect"
    | "killAfterMs"
    | "state"
    | "instance"
    | "session"
    | "createdAt"
    | "sentAt"
  >
  & Partial<Pick<CommandRecord, "rerunOf" | "saidBy" | "survive">>;

/** Blob that commands of the history name. */
export interface BlobUse extends BlobName {
  /**
   * Latest end of a command or plan that names it, in milliseconds since 1970: that of a plan lies ahead while it can be
   * applied. Null while a command is open.
   */
  readonly endedAt: number | null;
}

/** Changes of one command; absent fields stay unchanged. */
export type CommandPatch =
  & {
    readonly id: bigint;
    /** Condition: this many bytes of each stream must be held, from output that the store was asked to keep before. */
    readonly after?: Readonly<Record<StreamName, bigint>>;
    /** Keys that its agent has told with its result. */
    readonly keys?: ToldKeys | undefined;
  }
  & Partial<
    Omit<
      CommandRecord,
      | "id"
      | "agent"
      | "operation"
      | "params"
      | "nonce"
      | "job"
      | "createdAt"
      | "rerunOf"
    >
  >;

/** Filter of a list of commands. */
export interface CommandFilter {
  /** Most commands to return. */
  readonly limit: number;
  /** Only commands with a smaller id. */
  readonly beforeId?: bigint;
  /** Only commands of this agent. */
  readonly agent?: string;
  /** Only commands that were made for the job of this name. */
  readonly job?: string;
  /** Only commands in one of these states. */
  readonly states?: readonly CommandStateName[];
}

/** Bytes of a stream, from one offset on and below another. */
export interface OutputRange {
  readonly from: bigint;
  readonly below: bigint;
}

/** Figures of a command's output after a write. */
export interface OutputFigures {
  /** Bytes stored of both streams. */
  readonly outputKept: bigint;
  /** True if output was not kept. */
  readonly truncated: boolean;
}

/** Hashes of a command's output. */
export type OutputHashes = Pick<
  CommandRecord,
  "stdoutSha256" | "stderrSha256" | "hashOfKept"
>;

/** Stored piece of output. */
export interface StoredOutput {
  readonly offset: bigint;
  readonly bytes: Uint8Array;
  readonly cut: bigint;
  /** Time at which it came to the Manager, in milliseconds since 1970; absent if that was not recorded. */
  readonly at?: number;
}

/** An event of the Manager. */
export interface EventRecord {
  /** Number of the event. */
  readonly id: bigint;
  /** Time of the event, in milliseconds since 1970. */
  readonly at: number;
  /** Kind of the event, such as "agent_connected". */
  readonly kind: string;
  /** Name of the agent; null for none. */
  readonly agent: string | null;
  /** Id of the command; null for none. */
  readonly commandId: bigint | null;
  /** Text for people. */
  readonly message: string;
}

/** An event without its number. */
export type NewEvent = Omit<EventRecord, "id">;

/** Newest events of a command, and of its agent only those of these kinds between two times, both included. */
export interface EventsAbout {
  readonly commandId: bigint;
  readonly agent: string;
  readonly kinds: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

/** The part of a command's record that events are made of. */
export type CommandBrief = Pick<
  CommandRecord,
  | "id"
  | "agent"
  | "operation"
  | "requestedBy"
  | "state"
  | "presumed"
  | "reason"
  | "exitCode"
  | "signal"
  | "progressCurrent"
  | "progressTotal"
  | "progressMessage"
>;

/** An event of the history: one of its own, or one that the record of a command tells. */
export type HistoryEntry =
  | { readonly key: EventCursor; readonly event: EventRecord }
  | { readonly key: EventCursor; readonly command: CommandBrief };

/** Part of the history to read. */
export interface HistoryRange {
  /** Only events beyond this one; undefined for all. */
  readonly from: EventCursor | { readonly eventId: bigint } | undefined;
  readonly direction: "older" | "newer";
  /** Most entries. */
  readonly limit: number;
  readonly filter: EventFilter;
}

/** Entries in the order of the direction. */
export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** Place from which the next page goes on; undefined at the end. */
  readonly reached: EventCursor | undefined;
}

/** Sizes of the database. */
export interface StoreStats {
  readonly agents: number;
  readonly commandsOpen: number;
  readonly jobsOpen: number;
  readonly commandsTotal: bigint;
  readonly outputBytes: bigint;
  /** Size of the database, with its files of output. */
  readonly databaseBytes: bigint;
}
