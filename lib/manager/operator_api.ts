import type {
  CommandFilter,
  CommandRecord,
  EventRecord,
  StreamName,
} from "../store/records.ts";

/** What the control API offers: everything an operator can ask of a Manager. */
export interface Manager {
  readonly agents: AgentAdmin;
  readonly commands: CommandAdmin;
  readonly events: EventFeed;
  readonly operations: readonly OperationView[];
  status(): Promise<ManagerStatus>;
}

/** Who may connect, and who is connected. */
export interface AgentAdmin {
  /** By name. */
  list(): Promise<AgentView[]>;
  /**
   * Makes an entry and returns the token that the agent joins with.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, group or network; ALREADY_EXISTS.
   */
  add(agent: {
    id: string;
    groups: readonly string[];
    cidrs: readonly string[];
    expiresInMs?: number | undefined;
  }): Promise<string>;
  /**
   * Makes an entry for an agent that has its secret already, and joins with no token: one of 2024.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, group or network; ALREADY_EXISTS.
   */
  addWithSecret(agent: {
    id: string;
    groups: readonly string[];
    cidrs: readonly string[];
    /** SHA-256 of the secret. */
    secretHash: Uint8Array;
  }): Promise<void>;
  /** @throws {PiriError} NOT_FOUND */
  renewToken(id: string, expiresInMs?: number): Promise<string>;
  /** @throws {PiriError} NOT_FOUND */
  remove(id: string): Promise<void>;
}

/** An agent as people see it. */
export interface AgentView {
  readonly id: string;
  readonly connected: boolean;
  readonly since: number | null;
  readonly address: string;
  readonly version: string;
  /** "2", "2024", or empty if it never connected. */
  readonly protocol: string;
  readonly groups: readonly string[];
  readonly cidrs: readonly string[];
  readonly joined: boolean;
  /** Of its latest hello; empty if it never connected, or is one of 2024. */
  readonly instance: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** A command as people see it. */
export interface CommandView extends CommandRecord {
  /** Since when its agent is not connected, while the command is open. */
  readonly unreachableSince: number | null;
}

/** A command whose cancel is recorded. */
export interface CancelledView extends CommandView {
  /** The cancel was sent to a legacy agent, which does not confirm it. */
  readonly unconfirmed: boolean;
}

/** Something that is known of a command. */
export interface TimelineEntry {
  /** When it happened, milliseconds since 1970 by the Manager's clock; null for what holds now. */
  readonly at: number | null;
  /** A word, as sent. */
  readonly kind: string;
  /** For people. */
  readonly text: string;
  readonly evidence: Evidence;
}

/**
 * What something is known by: the command's record, the event log, what this run of the Manager has seen and not
 * recorded, the connection as it is now, or the agent's own word in a hello or a result.
 */
export type Evidence =
  | "database"
  | "events"
  | "memory"
  | "connection"
  | "hello"
  | "result";

/** What a watcher is told. */
export type WatchEvent =
  | { readonly kind: "command"; readonly command: CommandView }
  | {
    readonly kind: "output";
    readonly commandId: bigint;
    readonly stream: StreamName;
    readonly offset: bigint;
    readonly bytes: Uint8Array;
    readonly cut: bigint;
  }
  | {
    readonly kind: "progress";
    readonly commandId: bigint;
    readonly current: number;
    readonly total: number;
    readonly message: string;
  }
  | {
    readonly kind: "cutOff";
    readonly commandId: bigint;
    readonly reason: string;
  };

/** A request to run something. */
export interface RunRequest {
  /** Names, or globs over the connected agents. */
  readonly agents: readonly string[];
  readonly operation: string;
  /** A JSON object. */
  readonly params: string;
  readonly timeoutMs?: number | undefined;
  readonly requestId: string;
  readonly onDisconnect: "continue" | "kill";
  readonly killAfterMs?: number | undefined;
  readonly requestedBy: string;
}

/** The life of commands, as operators see and steer it. */
export interface CommandAdmin {
  /**
   * Records a command for each agent and sends it.
   *
   * @throws {PiriError} NOT_FOUND (no such agent, no such operation on it), UNAVAILABLE (not connected; nothing is
   * recorded for anyone), INVALID_ARGUMENT, BUSY.
   */
  run(
    request: RunRequest,
  ): Promise<{ job: string; commands: CommandView[] }>;
  /**
   * Streams what is known and what comes, until all have ended. Every command's first event is itself, its last one
   * is itself in its final state, after all its output.
   *
   * @throws {PiriError} NOT_FOUND
   */
  watch(
    from: readonly {
      id: bigint;
      stdoutOffset: bigint;
      stderrOffset: bigint;
    }[],
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent>;
  /** @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended. */
  cancel(
    id: bigint,
    graceMs?: number,
    requestedBy?: string,
  ): Promise<CancelledView>;
  /**
   * Does once more what a command that has ended was to do, on the same agent, as a new command.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has not ended; and as `run`.
   */
  rerun(
    id: bigint,
    request: { readonly requestId: string; readonly requestedBy: string },
  ): Promise<CommandView>;
  /**
   * Ends the wait for a command: it is presumed lost. A result, or a hello of its agent that lists it, replaces that.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended.
   */
  giveUp(id: bigint, requestedBy: string): Promise<CommandView>;
  /**
   * What happened to a command in the order in which it did, and at last what holds now, `at` that time.
   *
   * @throws {PiriError} NOT_FOUND
   */
  timeline(id: bigint): Promise<{
    readonly command: CommandView;
    readonly at: number;
    readonly entries: readonly TimelineEntry[];
  }>;
  /** @throws {PiriError} NOT_FOUND */
  get(id: bigint): Promise<CommandView>;
  list(filter: CommandFilter): Promise<CommandView[]>;
}

/** What happened. */
export interface EventFeed {
  /** Past events, oldest first, then with `follow` those that come until the signal is aborted. */
  watch(
    range: { tail: number } | { afterId: bigint },
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<EventRecord>;
}

/** Something an agent can be told to do, as people see it. */
export interface OperationView {
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly type: string;
    readonly required: boolean;
    readonly description: string;
  }[];
}

/** How the Manager is. */
export interface ManagerStatus {
  readonly version: string;
  readonly managerId: string;
  readonly startedAt: number;
  readonly listen: string;
  readonly advertise: string;
  readonly agentsConnected: number;
  readonly agentsKnown: number;
  readonly commandsOpen: number;
  readonly commandsTotal: bigint;
  readonly outputBytes: bigint;
  readonly databaseBytes: bigint;
  readonly retention: {
    readonly days: number;
    readonly outputBytes: bigint;
    readonly outputBytesPerCommand: bigint;
  };
  readonly certificateExpiresAt: number;
  readonly counters: Readonly<Record<string, bigint>>;
}
