import type { Asker } from "../../base/asker.ts";
import type { Rights, Sight } from "./access_api.ts";
import type {
  CommandFilter,
  CommandRecord,
  StreamName,
} from "../../store/records.ts";

/** Failure to write the database: a full disk, most often. Times are milliseconds since 1970. */
export interface WriteFailure {
  /** Time of the first write that failed. */
  readonly since: number;
  /** Time of the latest write that failed. */
  readonly lastAt: number;
  /** Text for people. */
  readonly reason: string;
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
    /** True if nobody else has the bytes: who has copied them may free them by hand. */
    readonly isOwn?: boolean;
    readonly cut: bigint;
    /** Time at which it came to the Manager, in milliseconds since 1970; absent if that was not recorded. */
    readonly at?: number;
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
  /** Time without a connection after which "kill" ends the command, in milliseconds; 0 if absent. */
  readonly killAfterMs?: number | undefined;
  /** True if its program outlives the agent: only command.Run without secrets. */
  readonly survive?: boolean | undefined;
  /** User who asks, by evidence; "local" without any. */
  readonly requestedBy: string;
  /** Name that the client gave itself; none if absent. */
  readonly saidBy?: string;
  /** Rights of the asker on agents; all if absent. */
  readonly rights?: Rights;
  /** Kind of the evidence, as of an Asker. */
  readonly credential?: string;
  /** Place that the request came from, as of an Asker. */
  readonly origin?: string;
}

/** Commands and their life. Commands of agents that the asker does not see are not there for it. */
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
  /** Does the same as `run`, and returns only the ids of the commands: enough to watch them. */
  runForIds(
    request: RunRequest,
  ): Promise<{ job: string; ids: readonly bigint[] }>;
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
    sight?: Sight,
  ): AsyncIterable<WatchEvent>;
  /**
   * Records and sends a cancel.
   *
   * @param id The command.
   * @param request Who asks, and the time between SIGTERM and SIGKILL in milliseconds; 5,000 if absent. A later cancel can
   * only shorten it.
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended.
   */
  cancel(
    id: bigint,
    request?: Partial<Asker> & { readonly graceMs?: number | undefined },
  ): Promise<CancelledView>;
  /**
   * Repeats an ended command on the same agent, as a new command.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has not ended; and as `run`.
   */
  rerun(
    id: bigint,
    request: Pick<
      RunRequest,
      | "requestId"
      | "requestedBy"
      | "saidBy"
      | "credential"
      | "origin"
      | "rights"
    >,
  ): Promise<CommandView>;
  /**
   * Presumes that a command is lost. A later result, or a hello of its agent that lists it, replaces this.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended.
   */
  giveUp(id: bigint, asker?: Partial<Asker>): Promise<CommandView>;
  /**
   * Returns the history of a command in order, and at its end the situation at the time `at`.
   *
   * @throws {PiriError} NOT_FOUND
   */
  timeline(id: bigint, sight?: Sight): Promise<{
    readonly command: CommandView;
    readonly at: number;
    readonly entries: readonly TimelineEntry[];
  }>;
  /**
   * Deletes the output that is kept of a command.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has not ended
   */
  dropOutput(id: bigint, asker?: Partial<Asker>): Promise<void>;
  /**
   * Fetches a command by its id.
   *
   * @throws {PiriError} NOT_FOUND
   */
  get(id: bigint, sight?: Sight): Promise<CommandView>;
  /** Lists commands from the database, newest first. */
  list(filter: CommandFilter, sight?: Sight): Promise<CommandView[]>;
}
