import type { GenericSchema, InferOutput } from "valibot";

/** The stream a program writes to. */
export type StreamName = "stdout" | "stderr";

/** What an operation tells while it runs. */
export type OperationEvent =
  | {
    readonly kind: "output";
    readonly stream: StreamName;
    /** Given away: the operation does not touch it again. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly kind: "progress";
    readonly current: number;
    readonly total: number;
    readonly message?: string;
  };

/** What ending a command's processes came to. */
export interface ReapReceipt {
  /** How many processes were signalled. */
  readonly signalled: number;
  /** The process ids that still live. */
  readonly alive: readonly number[];
}

/** How an operation ended by its own account. Whether it was cancelled is not its business. */
export interface Outcome {
  readonly success: boolean;
  /** Whether it changed anything on the host. */
  readonly changed: boolean;
  /** A sentence for people, empty if there is nothing to say. Never what a program printed. */
  readonly message?: string;
  readonly exitCode?: number;
  /** The signal that ended the program, as SIGTERM. */
  readonly signal?: string;
  /** The structured outcome; must survive JSON. */
  readonly data?: unknown;
  readonly reaped?: ReapReceipt;
}

/** Data that the Manager has for this agent. */
export interface DataSource {
  /**
   * Asks for text, as a setting (`data`) or what is known of a file (`file_stat`): docs/protocol.md lists the types.
   * Parameters that are text go as they are, all others as JSON.
   *
   * @throws {PiriError} NOT_FOUND and others with the Manager's reason; UNAVAILABLE if the link went down; TIMED_OUT.
   */
  text(type: string, params: unknown): Promise<string>;
  /** Asks for bytes, as a piece of a file (`file_content`), which are then the operation's own. Throws as `text`. */
  bytes(type: string, params: unknown): Promise<Uint8Array>;
}

/** What a running operation may use. Nothing here leads back to the connection. */
export interface OperationContext {
  readonly commandId: bigint;
  /** What names this command in the environment of its processes; see `process.ts`. */
  readonly marker: string;
  /** What its processes inherit, too, in nanoseconds, if no other command has the same now; see `timer_slack.ts`. */
  readonly timerSlack?: number;
  /** Aborted when the command is to end: cancelled, timed out, or the agent stops. */
  readonly signal: AbortSignal;
  /** Aborted when the time for ending by itself is over. */
  readonly kill: AbortSignal;
  /** True once `signal` is aborted, also for code that does not return to its event loop. */
  stopRequested(): boolean;
  /** Tells the process that must be ended if this agent dies: kept on disk with its start time. */
  started(identity: ProcessIdentity): void;
  readonly data: DataSource;
}

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot as in /proc/<pid>/stat, or empty where the system does not tell. */
  readonly startTime: string;
}

/** Something an agent can be told to do. It yields what it prints and returns how it ended. */
export interface Operation<Schema extends GenericSchema = GenericSchema> {
  /** As the old protocol's: module.Name. */
  readonly name: string;
  /** One sentence, for `piri-manager operations`. */
  readonly description: string;
  /** What it takes; checked before `run`. Descriptions of its entries are shown to people. */
  readonly parameters: Schema;
  /** Off unless the agent's config has allowTestOperations. */
  readonly forTests?: boolean;
  /**
   * Carries it out.
   *
   * @throws {PiriError} whatever goes wrong; it becomes a failed outcome with the error's code and message.
   */
  run(
    params: InferOutput<Schema>,
    context: OperationContext,
  ): AsyncGenerator<OperationEvent, Outcome>;
}
