import type { Asker } from "../base/asker.ts";
import type { EventCursor } from "../base/event_cursor.ts";
import type { EventFilter } from "../base/event_filter.ts";
import type {
  AgentChange,
  CommandFilter,
  CommandRecord,
  StreamName,
} from "../store/records.ts";
import type { MissingName } from "../targets/resolve_targets.ts";
import type { SampleSize } from "../targets/sample_names.ts";
import type { JobSetKind } from "../targets/target_expression.ts";

/** Everything that an operator can ask of a Manager. */
export interface Manager {
  /** Entries and connections of agents. */
  readonly agents: AgentAdmin;
  /** Commands and their life. */
  readonly commands: CommandAdmin;
  /** Events, past and new. */
  readonly events: EventFeed;
  /** Large inputs of commands. */
  readonly blobs: BlobAdmin;
  /** Operations of this build. */
  readonly operations: readonly OperationView[];
  /** Status of the Manager. */
  status(): Promise<ManagerStatus>;
  /** Begin and reason, while the Manager cannot write its database. */
  readonly writeFailure: WriteFailure | undefined;
}

/** Failure to write the database: a full disk, most often. Times are milliseconds since 1970. */
export interface WriteFailure {
  /** Time of the first write that failed. */
  readonly since: number;
  /** Time of the latest write that failed. */
  readonly lastAt: number;
  /** Text for people. */
  readonly reason: string;
}

/** Entries and connections of agents. */
export interface AgentAdmin {
  /** Lists the agents by name. */
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
  }, asker?: Asker): Promise<string>;
  /**
   * Makes an entry for an agent that has a secret already and joins without a token: a legacy agent.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, group or network; ALREADY_EXISTS.
   */
  addWithSecret(agent: {
    id: string;
    groups: readonly string[];
    cidrs: readonly string[];
    /** SHA-256 of the secret. */
    secretHash: Uint8Array;
  }, asker?: Asker): Promise<void>;
  /**
   * Makes a new token for an agent whose host was installed anew.
   *
   * @throws {PiriError} NOT_FOUND
   */
  renewToken(id: string, expiresInMs?: number, asker?: Asker): Promise<string>;
  /**
   * Changes groups and facts of the agents that expressions mean, and if they are retired. The retired ones and those that
   * have not joined are meant, too.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad expression, group or fact; NOT_FOUND for unknown names
   */
  set(
    expressions: readonly string[],
    change: AgentChange,
    asker?: Asker,
  ): Promise<SetAgents>;
  /**
   * Finds the enrolled agents that a selection means.
   *
   * @throws {PiriError} INVALID_ARGUMENT with the place in an expression; NOT_FOUND for unknown names, groups, facts and
   * jobs, and for a selection that means nobody; UNAVAILABLE if only connected agents are asked for and none is
   */
  resolve(selection: TargetSelection): Promise<ResolvedTargets>;
  /**
   * Measures the round trips of a selection's connected agents. Nothing is run and nothing is recorded.
   *
   * @param selection The agents.
   * @param timeoutMs Longest wait for an answer, in milliseconds.
   * @throws {PiriError} as `resolve`
   */
  ping(
    selection: TargetSelection,
    timeoutMs: number,
  ): Promise<PingedAgents>;
  /** Lists names of agents, of their groups and of their facts that begin with a text. */
  names(wanted: WantedNames): KnownNames;
  /**
   * Removes an agent and tells it.
   *
   * @param id Name of the agent.
   * @param options With `force`, its open commands are cancelled first. Their ends are waited for, for at most 30 s, if the
   * agent is connected. What has not ended then is lost.
   * @throws {PiriError} NOT_FOUND; REFUSED while commands of the agent are open, unless `force` is set
   */
  remove(
    id: string,
    options?: { readonly force?: boolean; readonly asker?: Asker },
  ): Promise<RemovedAgent>;
}

/** Effects of a removal. */
export interface RemovedAgent {
  /** Commands that were open, as they are now. */
  readonly commands: readonly CommandView[];
  /** True if the agent was connected, and was told. */
  readonly told: boolean;
}

/** Effects of a change of agents. */
export interface SetAgents {
  /** Names of all that were meant, in natural order. */
  readonly names: readonly string[];
  /** Names of those that were changed. */
  readonly changed: readonly string[];
}

/** Choice of the agents of a request. */
export interface TargetSelection {
  /** Target expressions; several are a union. */
  readonly expressions: readonly string[];
  /** Target expressions of what is left out. */
  readonly exclude?: readonly string[];
  /** Leaves out agents that are not connected. */
  readonly connectedOnly?: boolean;
  /** Takes names that are not enrolled as a note. */
  readonly allowMissing?: boolean;
  /** Size of a random sample. */
  readonly limit?: SampleSize | undefined;
  /** Number that repeats a sample, below 2^32. */
  readonly seed?: number | undefined;
}

/** Names that somebody types. */
export interface WantedNames {
  /** Text that the names begin with; all names if empty. */
  readonly prefix: string;
  /** True to list agents. */
  readonly agents: boolean;
  /** True to list groups. */
  readonly groups: boolean;
  /** True to list facts. */
  readonly facts: boolean;
  /** True for those of agents that are not enrolled, too. */
  readonly notEnrolled: boolean;
}

/** Names of agents, groups and facts, each in natural order. */
export interface KnownNames {
  /** Names of agents. */
  readonly agents: readonly string[];
  /** Groups of these agents. */
  readonly groups: readonly string[];
  /** Names of their facts. */
  readonly facts: readonly string[];
}

/** Agents that were pinged, and what their selection left out. */
export interface PingedAgents extends Omit<ResolvedTargets, "agents"> {
  /** Agents in the natural order of their names. */
  readonly agents: readonly PingedAgent[];
}

/** Answer of an agent to a ping. */
export interface PingedAgent {
  /** Name of the agent. */
  readonly name: string;
  /** True if it is connected. */
  readonly connected: boolean;
  /** Time from the Ping to its Pong, in milliseconds; undefined without an answer. */
  readonly roundTripMs: number | undefined;
  /** Version of its build; empty if none is known. */
  readonly version: string;
  /** Begin of its connection, or end of its last one as far as this run saw it, in milliseconds since 1970. */
  readonly since: number | undefined;
  /** Address that it is connected from; empty if it is not. */
  readonly address: string;
}

/** Agents that a selection means. */
export interface ResolvedTargets {
  /** Agents in the natural order of their names. */
  readonly agents: readonly {
    readonly name: string;
    readonly connected: boolean;
    /** Random id of its journal; empty if none is known. */
    readonly instance: string;
    readonly groups: readonly string[];
  }[];
  /** Counts of what the expressions mean and the selection leaves out. */
  readonly leftOut: {
    readonly retired: number;
    readonly notJoined: number;
    /** Away, and only connected ones were asked for. */
    readonly awayNotAsked: number;
  };
  /** Agents that a sample left out, a count. */
  readonly notSampled: number;
  /** Names that are not enrolled; empty unless that was allowed. */
  readonly missing: readonly MissingName[];
  /** Facts that agents lack, with the count of these agents. */
  readonly lacking: readonly {
    readonly fact: string;
    readonly count: number;
  }[];
  /** Globs that no agent matches. */
  readonly unmatched: readonly string[];
  /** Names in sets of jobs that are not enrolled any more. */
  readonly gone: readonly string[];
  /** Number that repeats the sample; absent without one. */
  readonly seed?: number;
}

/**
 * Finds the names of the agents that a job left in a set.
 *
 * @throws {PiriError} NOT_FOUND if there is no such job
 */
export type JobAgents = (
  kind: JobSetKind,
  job: bigint,
) => Promise<ReadonlySet<string>>;

/** An agent as people see it. */
export interface AgentView {
  /** Name of the agent. */
  readonly id: string;
  /** True while it is connected. */
  readonly connected: boolean;
  /** Begin of its connection, or end of its last one, in milliseconds since 1970; null if it never connected. */
  readonly since: number | null;
  /** Address and port that it connected from last; empty if it never connected. */
  readonly address: string;
  /** Version of its build, of its latest hello. */
  readonly version: string;
  /** Protocol of its latest hello: "2", "2024", or empty if it never connected. */
  readonly protocol: string;
  /** Groups of its entry. */
  readonly groups: readonly string[];
  /** Networks that it may connect from; any if empty. */
  readonly cidrs: readonly string[];
  /** True once it has joined. */
  readonly joined: boolean;
  /** Random id of its journal; empty for a legacy agent, or if it never connected. */
  readonly instance: string;
  /** Facts of its latest hello, and those that operators set, which win. */
  readonly facts: Readonly<Record<string, string>>;
  /** Those of its facts that operators set. */
  readonly setFacts: Readonly<Record<string, string>>;
  /** True for a host that is gone for good. */
  readonly retired: boolean;
}

/** A command as people see it. */
export interface CommandView extends CommandRecord {
  /** End of the connection of its agent, in milliseconds since 1970, while the command is open and the agent away. */
  readonly unreachableSince: number | null;
}

/** A command whose cancel is recorded. */
export interface CancelledView extends CommandView {
  /** The cancel was sent to a legacy agent, which does not confirm it. */
  readonly unconfirmed: boolean;
}

/** One entry in the history of a command. */
export interface TimelineEntry {
  /** Time by the Manager's clock, in milliseconds since 1970; null for a fact that holds now. */
  readonly at: number | null;
  /** Kind of the entry, such as "sent". */
  readonly kind: string;
  /** Text for people. */
  readonly text: string;
  /** Source of the entry. */
  readonly evidence: Evidence;
}

/**
 * Source of an entry: the record of the command, the event log, memory of this run of the Manager, the current
 * connection, or a hello or result of the agent.
 */
export type Evidence =
  | "database"
  | "events"
  | "memory"
  | "connection"
  | "hello"
  | "result";

/**
 * An event of a watched command.
 *
 * `command`: its current state. `output`: bytes of a stream from `offset` on; the `cut` bytes before them were not kept.
 * `progress`: `current` of `total`. `cutOff`: no more output will come, though there is some. `storage`: the Manager
 * cannot write its database, or can again if there is no `failure`.
 */
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
  }
  | { readonly kind: "storage"; readonly failure: WriteFailure | undefined };

/** A request to run something. */
export interface RunRequest {
  /** Names of agents, and globs over the connected ones. */
  readonly agents: readonly string[];
  /** Name of the operation. */
  readonly operation: string;
  /** Parameters of the operation: a JSON object. */
  readonly params: string;
  /** Limit on the run time in milliseconds; none if absent. */
  readonly timeoutMs?: number | undefined;
  /** Id of the request. A repeated one starts nothing and gets the first answer. */
  readonly requestId: string;
  /** Fate of the command while its agent is away. */
  readonly onDisconnect: "continue" | "kill";
  /** With "kill": time without a connection after which the command is ended, in milliseconds; 0 if absent. */
  readonly killAfterMs?: number | undefined;
  /** User who asks, by evidence; "local" without any. */
  readonly requestedBy: string;
  /** Name that the client gave itself; none if absent. */
  readonly saidBy?: string;
}

/** Commands and their life. */
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
   * Streams past and new events until all commands have ended. The first event of each command is its current state;
   * the last one is its final state, after all its output.
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
  /**
   * Records and sends a cancel.
   *
   * @param id The command.
   * @param graceMs Time between SIGTERM and SIGKILL in milliseconds; 5,000 if absent. A later cancel can only shorten it.
   * @param requestedBy User who asks, as in a RunRequest.
   * @param saidBy Name that the client gave itself.
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended.
   */
  cancel(
    id: bigint,
    graceMs?: number,
    requestedBy?: string,
    saidBy?: string,
  ): Promise<CancelledView>;
  /**
   * Repeats an ended command on the same agent, as a new command.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has not ended; and as `run`.
   */
  rerun(
    id: bigint,
    request: Pick<RunRequest, "requestId" | "requestedBy" | "saidBy">,
  ): Promise<CommandView>;
  /**
   * Presumes that a command is lost. A later result, or a hello of its agent that lists it, replaces this.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended.
   */
  giveUp(
    id: bigint,
    requestedBy: string,
    saidBy?: string,
  ): Promise<CommandView>;
  /**
   * Returns the history of a command in order, and at its end the situation at the time `at`.
   *
   * @throws {PiriError} NOT_FOUND
   */
  timeline(id: bigint): Promise<{
    readonly command: CommandView;
    readonly at: number;
    readonly entries: readonly TimelineEntry[];
  }>;
  /**
   * Fetches a command by its id.
   *
   * @throws {PiriError} NOT_FOUND
   */
  get(id: bigint): Promise<CommandView>;
  /** Lists commands from the database, newest first. */
  list(filter: CommandFilter): Promise<CommandView[]>;
}

/** An event, as operators see it. */
export interface EventView {
  /** Its place among all events, which tells it from all others. */
  readonly key: EventCursor;
  /** Number of the event; 0 for one that is read from the record of a command. */
  readonly id: bigint;
  /** Kind of the event, such as "agent_connected". */
  readonly kind: string;
  /** Name of the agent; null for none. */
  readonly agent: string | null;
  /** Id of the command; null for none. */
  readonly commandId: bigint | null;
  /** Text for people. */
  readonly message: string;
}

/** The newest events, or those after one. */
export type EventStart =
  | { readonly tail: number }
  | { readonly afterId: bigint }
  | { readonly after: EventCursor };

/** Events of the Manager. */
export interface EventFeed {
  /**
   * Streams past events, oldest first; with `follow` also new ones until the signal is aborted, each once.
   *
   * @throws {PiriError} BUSY if a follower reads so slowly that too many events wait for it
   */
  watch(
    start: EventStart,
    options: { follow: boolean; filter: EventFilter; signal: AbortSignal },
  ): AsyncIterable<EventView>;
}

/** Large inputs of commands, kept by their SHA-256 in hex digits. */
export interface BlobAdmin {
  /** True if the Manager has a blob. It is then kept for another hour. */
  has(sha256: string): Promise<boolean>;
  /**
   * Begins an upload and returns its id.
   *
   * @param size Its size in bytes; 0 if it is not known.
   * @throws {PiriError} FAILED_PRECONDITION if there is no room for it; DISK
   */
  begin(size?: number): Promise<string>;
  /**
   * Tells how many bytes of an upload have come, also before a restart.
   *
   * @throws {PiriError} NOT_FOUND
   */
  offset(id: string): Promise<number>;
  /**
   * Appends bytes to an upload, and returns how many it has then.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if bytes before `offset` are missing, or there is no room; DISK
   */
  append(id: string, offset: number, bytes: Uint8Array): Promise<number>;
  /**
   * Makes a blob of an upload.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if its hash is not the expected one; DISK
   */
  finish(
    id: string,
    expected?: string,
  ): Promise<{ sha256: string; size: number }>;
}

/** Description of an operation. */
export interface OperationView {
  /** Name, such as "command.Run". */
  readonly name: string;
  /** Text for people. */
  readonly description: string;
  /** Parameters in order, with their types as text. */
  readonly parameters: readonly {
    readonly name: string;
    readonly type: string;
    readonly required: boolean;
    readonly description: string;
  }[];
}

/** Status of the Manager. */
export interface ManagerStatus {
  /** Version of the build. */
  readonly version: string;
  /** Id of the database. */
  readonly managerId: string;
  /** Start of this run, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Address for agents, "host:port". */
  readonly listen: string;
  /** Address that tokens name, "host:port". */
  readonly advertise: string;
  /** Number of connected agents. */
  readonly agentsConnected: number;
  /** Number of agents with an entry. */
  readonly agentsKnown: number;
  /** Number of commands that have not ended. */
  readonly commandsOpen: number;
  /** Number of commands in the database. */
  readonly commandsTotal: bigint;
  /** Size of all kept output, in bytes. */
  readonly outputBytes: bigint;
  /** Size of the database, in bytes. */
  readonly databaseBytes: bigint;
  /** Limits of the history: age in days, and kept output in bytes. */
  readonly retention: {
    readonly days: number;
    readonly outputBytes: bigint;
    readonly outputBytesPerCommand: bigint;
  };
  /** Number and size of the blobs, and the limit of the size. */
  readonly blobs: {
    readonly count: number;
    readonly bytes: number;
    readonly limit: number;
  };
  /** Expiry of the certificate of the Manager, in milliseconds since 1970. */
  readonly certificateExpiresAt: number;
  /** Counters of this run by name. */
  readonly counters: Readonly<Record<string, bigint>>;
}
