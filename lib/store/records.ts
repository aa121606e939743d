import type { CommandStateName } from "../base/command_state.ts";

/** The stream a program wrote to. */
export type StreamName = "stdout" | "stderr";

/** An agent that may connect. Times are milliseconds since 1970. */
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
  /** SHA-256 of the secret that the token was used with; null while it is unused. */
  readonly tokenUsedWith: Uint8Array | null;
  /** Of its latest hello; null and 0 if it never connected or is one of 2024. */
  readonly instance: string | null;
  readonly session: bigint;
  readonly lastCommandId: bigint;
  /** 0 if it never connected, 1 for one of 2024. */
  readonly protocol: number;
  readonly version: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly address: string;
  readonly connectedAt: number | null;
  readonly disconnectedAt: number | null;
}

/** A command and all that is known of it. Times are milliseconds since 1970, by the Manager's clock unless said. */
export interface CommandRecord {
  readonly id: bigint;
  readonly agent: string;
  readonly operation: string;
  /** A JSON object. */
  readonly params: string;
  /** Unsigned 64 bits. */
  readonly nonce: bigint;
  readonly job: string;
  readonly requestedBy: string;
  readonly timeoutMs: number | null;
  readonly onDisconnect: "continue" | "kill";
  readonly killAfterMs: number | null;
  readonly state: CommandStateName;
  /** The state is a guess that a result or a hello replaces. */
  readonly presumed: boolean;
  readonly reason: string;
  readonly errorCode: string;
  /** The instance and session of the agent that it was sent to; null until then. */
  readonly instance: string | null;
  readonly session: bigint | null;
  readonly createdAt: number;
  readonly sentAt: number | null;
  readonly startedAt: number | null;
  /** Set with every state that is an end: what has become old is found by it. */
  readonly finishedAt: number | null;
  /** By the agent's clock, for people only. */
  readonly agentStartedAt: number | null;
  readonly agentFinishedAt: number | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly changed: boolean;
  /** JSON, or null. */
  readonly data: string | null;
  readonly reapedSignalled: number | null;
  readonly reapedAlive: readonly number[];
  /** Bytes held of each stream: kept, or counted as beyond what is kept, or cut. */
  readonly stdoutHeld: bigint;
  readonly stderrHeld: bigint;
  /** Bytes kept of both streams. */
  readonly outputKept: bigint;
  readonly truncated: boolean;
  readonly cancelRequestedAt: number | null;
  readonly cancelGraceMs: number | null;
  /** Who asked for it first; empty if nobody did, or did not say who. */
  readonly cancelRequestedBy: string;
  readonly progressCurrent: number | null;
  readonly progressTotal: number | null;
  readonly progressMessage: string;
  /** The command that it repeats. */
  readonly rerunOf: bigint | null;
}

/** What a command is made of. */
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

/** Changes of one command; what is absent stays. */
export type CommandPatch =
  & {
    readonly id: bigint;
    /** Only where so many bytes are held of each stream: output that the store was asked to keep before. */
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

/** Which commands to list. */
export interface CommandFilter {
  readonly limit: number;
  readonly beforeId?: bigint;
  readonly agent?: string;
  readonly states?: readonly CommandStateName[];
}

/** A kept piece of output. */
export interface StoredOutput {
  readonly offset: bigint;
  readonly bytes: Uint8Array;
  readonly cut: bigint;
}

/** Something of note. */
export interface NewEvent {
  readonly at: number;
  /** A word, as agent_connected. */
  readonly kind: string;
  readonly agent: string | null;
  readonly commandId: bigint | null;
  readonly message: string;
}

/** An event with its number. */
export interface EventRecord extends NewEvent {
  readonly id: bigint;
}

/** Which events to read: the newest of all, those after one, or what is told of a command. */
export type EventRange =
  | { readonly tail: number }
  | { readonly afterId: bigint; readonly limit: number }
  | EventsAbout;

/** The newest events of a command, and of its agent alone those of these kinds between two times, both included. */
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
