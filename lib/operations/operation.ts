import type { GenericSchema, InferOutput } from "valibot";
import type { BlobName } from "../base/blob.ts";
import type { StreamName } from "../base/masking/masked_output.ts";
import type { Sealed } from "../base/sealed.ts";
import type { Guard } from "./guard.ts";
import type { PathUse } from "./own_obstacle.ts";
import type { Surroundings } from "./surroundings.ts";

export type { StreamName };

/** Event that an operation yields while it runs. */
export type OperationEvent =
  | {
    readonly kind: "output";
    readonly stream: StreamName;
    /** Bytes of output. They belong to the receiver: the operation does not use them again. */
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** True if the operation has masked its secrets in them itself. */
    readonly isMasked?: true;
    /** Place in the stream, only with `isMasked`; at its end if absent. */
    readonly offset?: number;
  }
  | {
    readonly kind: "progress";
    readonly current: number;
    readonly total: number;
    readonly message?: string;
  };

/** Result of ending a command's processes. */
export interface ReapReceipt {
  /** Count of processes that were signalled. */
  readonly signalled: number;
  /** Ids of the processes that are still alive. */
  readonly alive: readonly number[];
}

/** End of an operation as the operation itself sees it. Cancels are not its business. */
export interface Outcome {
  readonly success: boolean;
  /** True if it changed anything on the host. */
  readonly changed: boolean;
  /** Sentence for people, may be empty. Never contains output of a program. */
  readonly message?: string;
  readonly exitCode?: number;
  /** Name of the signal that ended the program, as SIGTERM. */
  readonly signal?: string;
  /** Structured outcome; must survive JSON. */
  readonly data?: unknown;
  readonly reaped?: ReapReceipt;
  /** Number of places where it masked a secret itself. */
  readonly masked?: number;
}

/** Access to data that the Manager has for this agent. */
export interface DataSource {
  /**
   * Requests text, as a setting (`data`) or the size and hash of a file (`file_stat`): docs/protocol.md lists the
   * types. Parameters that are text are sent as they are, all others as JSON.
   *
   * @throws {PiriError} NOT_FOUND and others with the Manager's reason; UNAVAILABLE if the link went down; TIMED_OUT.
   */
  text(type: string, params: unknown): Promise<string>;
  /**
   * Requests bytes, as a piece of a file (`file_content`). They belong to the caller, with their
   * whole buffer. Throws as `text`.
   */
  bytes(type: string, params: unknown): Promise<Uint8Array>;
}

/**
 * Life of a program that outlives its agent: it is to be started, or an earlier run of the agent has started it, and it
 * is only followed.
 */
export type Survival = "started" | "taken up";

/** Means of a running operation. It has no access to the connection. */
export interface OperationContext {
  readonly commandId: bigint;
  /** Marker of this command in the environment of its processes; see `process.ts`. */
  readonly marker: string;
  /**
   * Timer slack that its processes inherit, in nanoseconds. Absent if another running command has the same; see
   * `timer_slack.ts`.
   */
  readonly timerSlack?: number;
  /** Set if its program outlives the agent; see `surviving/survive.ts`. */
  readonly survival?: Survival;
  /** Aborted when the command must end: it was cancelled, it timed out, or the agent stops. */
  readonly signal: AbortSignal;
  /** Aborted when the time for ending by itself is over. */
  readonly kill: AbortSignal;
  /** True once `signal` is aborted, also for code that does not return to its event loop. */
  stopRequested(): boolean;
  /** Tells that a program begins, or ends, which a cancel must wait for; see `StepProgram.shielded`. */
  shield?(isOn: boolean): void;
  /** Reports the process that must be ended if this agent dies. Kept on disk with its start time. */
  started(identity: ProcessIdentity): void;
  readonly data: DataSource;
  /**
   * Requests a secret that the command names. From then on it is masked in all that the operation prints and says.
   *
   * @throws {PiriError} NOT_FOUND, DENIED and others with the Manager's reason; CANCELLED
   */
  secret(name: string): Promise<Sealed>;
  /** Settings of the agent for programs. */
  readonly surroundings: Surroundings;
  /** Judge of the paths that the operation uses. */
  readonly guard: Guard;
}

/** Path that an operation uses. */
export interface UsedPath {
  readonly use: PathUse;
  readonly path: string;
}

/** Process id with a start time, which tells it apart from a later process with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot as in /proc/<pid>/stat; empty if the system does not tell. */
  readonly startTime: string;
}

/** Task that an agent can carry out. It yields its output and returns how it ended. */
export interface Operation<Schema extends GenericSchema = GenericSchema> {
  /** Name as in the legacy protocol: module.Name. */
  readonly name: string;
  /** One sentence, for `piri-manager operations`. */
  readonly description: string;
  /** Schema of its parameters, checked before `run`. Descriptions in it are shown to people. */
  readonly parameters: Schema;
  /** True if it may change something on the host; false if it only looks. */
  readonly acts: boolean;
  /** True if it may run programs that its parameters name, even if it only looks. */
  readonly runsPrograms?: boolean;
  /** True for test operations: they are off unless the agent's config has allowTestOperations. */
  readonly forTests?: boolean;
  /**
   * True if it only waits for others: it neither computes for long nor uses files of the host that may not answer. So it
   * shares a thread with its like.
   */
  readonly waits?: true;
  /** Blobs of the Manager that these parameters name; none if absent. */
  blobs?(params: InferOutput<Schema>): readonly BlobName[];
  /** Names of the secrets that these parameters name; none if absent. */
  secrets?(params: InferOutput<Schema>): readonly string[];
  /** Paths that it uses, as far as these parameters tell; none if absent. */
  paths?(params: InferOutput<Schema>): readonly UsedPath[];
  /**
   * Carries the operation out.
   *
   * @throws {PiriError} any code; it becomes a failed outcome with the error's code and message.
   */
  run(
    params: InferOutput<Schema>,
    context: OperationContext,
  ): AsyncGenerator<OperationEvent, Outcome>;
}
