import type {
  CommandFilter,
  CommandRecord,
  EventRecord,
  StreamName,
} from "../store/records.ts";

/** Everything that an operator can ask of a Manager. */
export interface Manager {
  readonly agents: AgentAdmin;
  readonly commands: CommandAdmin;
  readonly events: EventFeed;
  readonly operations: readonly OperationView[];
  status(): Promise<ManagerStatus>;
}

/** Administration of agents: which may connect, and which are connected. */
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
   * Makes an entry for a legacy agent, which has its secret already and joins without a token.
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

/** Agent as people see it. */
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
  /** Instance of its latest hello; empty if it never connected, or is a legacy agent. */
  readonly instance: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** Command as people see it. */
export interface CommandView extends CommandRecord {
  /** Time since which its agent is not connected, while the command is open. */
  readonly unreachableSince: number | null;
}

/** Known fact about a command. */
export interface TimelineEntry {
  /** Time by the Manager's clock, in milliseconds since 1970; null for a fact that holds now. */
  readonly at: number | null;
  /** A word, as sent. */
  readonly kind: string;
  /** For people. */
  readonly text: string;
  readonly evidence: Evidence;
}

/**
 * Source of a fact: the command's record, the event log, sightings of this run of the Manager that are not recorded, the
 * connection as it is now, or the agent's own word in a hello or a result.
 */
export type Evidence =
  | "database"
  | "events"
  | "memory"
  | "connection"
  | "hello"
  | "result";

/** News for a watcher. */
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

/** Request to run an operation. */
export interface RunRequest {
  /** Names of agents, or globs over the connected ones. */
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

/** Commands, as operators see and steer them. */
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
   * Streams the record and the news of commands until all have ended. The first event of each command is the command
   * itself; the last one is the command in its final state, after all its output.
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
  ): Promise<CommandView>;
  /**
   * Repeats an ended command on the same agent, as a new command.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has not ended; and as `run`.
   */
  rerun(
    id: bigint,
    request: { readonly requestId: string; readonly requestedBy: string },
  ): Promise<CommandView>;
  /**
   * Ends the wait for a command: it is presumed lost. A result, or a hello that lists the command, replaces that.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended.
   */
  giveUp(id: bigint, requestedBy: string): Promise<CommandView>;
  /**
   * Tells what happened to a command, in order, and then what holds at the time `at`.
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

/** Event log. */
export interface EventFeed {
  /** Yields past events, oldest first, and with `follow` new ones until the signal is aborted. */
  watch(
    range: { tail: number } | { afterId: bigint },
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<EventRecord>;
}

/** Operation of agents, as people see it. */
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

/** State of the Manager. */
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
