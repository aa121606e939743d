/** Output stream of a program. */
export type StreamName = "stdout" | "stderr";

/** State of a command: protocol.md section 5. */
export type CommandStateName =
  | "queued"
  | "sent"
  | "running"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "timed_out"
  | "refused"
  | "lost";

/** Agent that may connect. Times are milliseconds since 1970. */
export interface AgentRecord {
  readonly id: string;
  readonly groups: readonly string[];
  readonly cidrs: readonly string[];
  readonly addedAt: number;
  /** SHA-256 of its secret; null until it has joined. */
  readonly secretHash: Uint8Array | null;
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
  readonly address: string;
  readonly connectedAt: number | null;
  readonly disconnectedAt: number | null;
}

/** Command with all its facts. Times are milliseconds since 1970, by the Manager's clock unless said otherwise. */
export interface CommandRecord {
  readonly id: bigint;
  readonly agent: string;
  readonly operation: string;
  /** JSON object. */
  readonly params: string;
  /** Unsigned 64 bits. */
  readonly nonce: bigint;
  readonly job: string;
  readonly requestedBy: string;
  readonly timeoutMs: number | null;
  readonly onDisconnect: "continue" | "kill";
  readonly killAfterMs: number | null;
  readonly state: CommandStateName;
  /** True if the state is a guess, which a result or a hello can replace. */
  readonly presumed: boolean;
  readonly reason: string;
  readonly errorCode: string;
  /** Instance and session of the agent that it was sent to; null until then. */
  readonly instance: string | null;
  readonly session: bigint | null;
  readonly createdAt: number;
  readonly sentAt: number | null;
  readonly startedAt: number | null;
  /** Time of the end. Set with every state that is an end: retention finds old commands by it. */
  readonly finishedAt: number | null;
  /** Times by the agent's clock, for people only. */
  readonly agentStartedAt: number | null;
  readonly agentFinishedAt: number | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly changed: boolean;
  /** JSON, or null. */
  readonly data: string | null;
  readonly reapedSignalled: number | null;
  readonly reapedAlive: readonly number[];
  /** Bytes held of each stream: stored, counted beyond what is stored, or cut. */
  readonly stdoutHeld: bigint;
  readonly stderrHeld: bigint;
  /** Bytes stored of both streams. */
  readonly outputKept: bigint;
  readonly truncated: boolean;
  readonly cancelRequestedAt: number | null;
  readonly cancelGraceMs: number | null;
  /** User who asked for the cancel first; empty if nobody did, or if the user is unknown. */
  readonly cancelRequestedBy: string;
  readonly progressCurrent: number | null;
  readonly progressTotal: number | null;
  readonly progressMessage: string;
  /** Id of the command that this one repeats. */
  readonly rerunOf: bigint | null;
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
  & Partial<Pick<CommandRecord, "rerunOf">>;

/** Changes of one command; absent fields stay unchanged. */
export type CommandPatch =
  & {
    readonly id: bigint;
    /** Condition: this many bytes of each stream must be held, from output that the store was asked to keep before. */
    readonly after?: Readonly<Record<StreamName, bigint>>;
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

/** Choice of commands to list. */
export interface CommandFilter {
  readonly limit: number;
  readonly beforeId?: bigint;
  readonly agent?: string;
  readonly states?: readonly CommandStateName[];
}

/** Stored piece of output. */
export interface StoredOutput {
  readonly offset: bigint;
  readonly bytes: Uint8Array;
  readonly cut: bigint;
}

/** Event to record. */
export interface NewEvent {
  readonly at: number;
  /** Kind of the event, one word, as agent_connected. */
  readonly kind: string;
  readonly agent: string | null;
  readonly commandId: bigint | null;
  readonly message: string;
}

/** Event with its number. */
export interface EventRecord extends NewEvent {
  readonly id: bigint;
}

/** Range of events to read: the newest of all, the next after one, or those about a command. */
export type EventRange =
  | { readonly tail: number }
  | { readonly afterId: bigint; readonly limit: number }
  | EventsAbout;

/** Newest events of a command, and of its agent only those of these kinds between two times, both included. */
export interface EventsAbout {
  readonly commandId: bigint;
  readonly agent: string;
  readonly kinds: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

/** Sizes of the database. */
export interface StoreStats {
  readonly agents: number;
  readonly commandsOpen: number;
  readonly commandsTotal: bigint;
  readonly outputBytes: bigint;
  readonly databaseBytes: bigint;
}
